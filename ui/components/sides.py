"""Two answers to one query, side by side, with what rose, fell, came and went from the left to the right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from search_app.app import SearchApp
from search_app.search import Hit, SearchOptions, SearchResult
from ui.components.text import excerpt, link, one_line, plain

_HITS = 10
_DEPTHS = (1, 3, 5, 10)
_EXCERPT_CHARACTERS = 140


@dataclass(frozen=True, slots=True)
class Way:
    """A way to search: a generation, by its number, in a mode; `encoder` is the name of what filled it."""

    generation: int
    mode: str
    encoder: str


def ask_both(app: SearchApp, query: str, collection: str, ways: Sequence[Way]) -> tuple[SearchResult, ...]:
    """What each way answers."""
    usual = SearchOptions(collapse=True)
    return tuple(
        app.search(query, collection, k=_HITS, mode=way.mode, options=replace(usual, generation=way.generation))
        for way in ways
    )


def show_sides(both: Sequence[SearchResult], names: Sequence[str], *, is_blind: bool = False) -> None:
    """How much they have in common, then both; blindly they are A and B, and nothing tells what moved."""
    ranks: list[dict[str, int]] = [{hit.document_id: hit.rank for hit in result.hits} for result in both]
    st.caption(overlap_line(*ranks))
    if is_blind:
        names = ("A", "B")
    for column, result, name, other in zip(st.columns(2), both, names, reversed(ranks), strict=True):
        with column:
            st.markdown(f"**{plain(name)}**")
            if not result.hits:
                st.caption("No hits.")
            for hit in result.hits:
                rank = other.get(hit.document_id)
                note = "" if is_blind else movement(hit.rank, rank) if result is both[1] else went(rank)
                _show_hit(hit, note)


def overlap_line(left: Mapping[str, int], right: Mapping[str, int]) -> str:
    """For example "In common: 0 of the first 1 · 2 of 3 · 4 of 5 · 7 of 10", from ranks by document."""
    counts = [
        (depth, sum(rank <= depth and right.get(document_id, depth + 1) <= depth for document_id, rank in left.items()))
        for depth in _DEPTHS
    ]
    first, *rest = [f"{count} of the first {depth}" for depth, count in counts]
    return " · ".join([f"In common: {first}", *(one.replace("the first ", "") for one in rest)])


def _show_hit(hit: Hit, note: str) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{hit.rank}. {link(hit.title or hit.document_id, hit.source)} {note}".rstrip())
        st.caption(plain(excerpt(one_line(hit.text), _EXCERPT_CHARACTERS)))


def went(after: int | None) -> str:
    """What the left side says of a hit that the right one doesn't have."""
    return ":red-badge[gone]" if after is None else ""


def movement(rank: int, before: int | None) -> str:
    """For example ":green[▲ 3]", risen by three ranks; Markdown."""
    if before is None:
        return ":green-badge[new]"
    if rank == before:
        return ":gray[=]"
    return f":green[▲ {before - rank}]" if rank < before else f":red[▼ {rank - before}]"
