"""Two answers to one query, side by side, with what rose, fell, came and went from the left to the right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from search_app.app import SearchApp
from search_app.search import Hit, SearchOptions, SearchResult
from ui.components.figures import counted
from ui.components.text import excerpt, link, one_line, plain

_HITS = 10
_EXCERPT_CHARACTERS = 140


@dataclass(frozen=True, slots=True)
class Way:
    """A way to search: a generation, by its number, in a mode."""

    generation: int
    mode: str


def ask_both(app: SearchApp, query: str, collection: str, ways: Sequence[Way]) -> tuple[SearchResult, ...]:
    """What each way answers."""
    usual = SearchOptions(collapse=True)
    return tuple(
        app.search(query, collection, k=_HITS, mode=way.mode, options=replace(usual, generation=way.generation))
        for way in ways
    )


def show_sides(both: Sequence[SearchResult], names: Sequence[str]) -> None:
    """How much they have in common, then both."""
    ranks = [{hit.document_id: hit.rank for hit in result.hits} for result in both]
    common = len(ranks[0].keys() & ranks[1].keys())
    st.caption(f"{counted(common, 'document')} in common among the first {_HITS}")
    for column, result, name, other in zip(st.columns(2), both, names, reversed(ranks), strict=True):
        with column:
            st.markdown(f"**{plain(name)}**")
            if not result.hits:
                st.caption("No hits.")
            for hit in result.hits:
                _show_hit(hit, other.get(hit.document_id), is_right=result is both[1])


def _show_hit(hit: Hit, other_rank: int | None, *, is_right: bool) -> None:
    with st.container(border=True, gap="xsmall"):
        moved = f" {movement(hit.rank, other_rank)}" if is_right else ""
        st.markdown(f"{hit.rank}. {link(hit.title or hit.document_id, hit.source)}{moved}")
        st.caption(plain(excerpt(one_line(hit.text), _EXCERPT_CHARACTERS)))


def movement(rank: int, before: int | None) -> str:
    """For example ":green[▲ 3]", risen by three ranks; Markdown."""
    if before is None:
        return ":green-badge[new]"
    if rank == before:
        return ":gray[=]"
    return f":green[▲ {before - rank}]" if rank < before else f":red[▼ {rank - before}]"
