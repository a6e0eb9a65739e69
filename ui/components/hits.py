"""The answers to a query, one card a hit."""

import streamlit as st

from ingest.documents import MODIFIED
from search_app.app import SearchApp
from search_app.search import Hit, SearchResult
from ui.components.figures import counted
from ui.components.text import excerpt, link, paragraphs, plain
from ui.components.thumbs import read_judgements, thumbs

_EXCERPT_CHARACTERS = 420
_METADATA_SHOWN = 4
_SCORES = {
    "dense": "Cosine similarity of query and passage; 1 is the same.",
    "lexical": "BM25 of the query's words in the passage; more is better.",
    "hybrid": "Meaning and words in one number; 1 is the best of both.",
}
_DATE_CHARACTERS = len("2026-01-31")


def show_result(app: SearchApp, result: SearchResult) -> None:
    """How many hits there are and who gave them, then the hits, best first."""
    if not result.hits:
        show_no_hits(result)
        return
    st.caption(result_line(result))
    read_judgements(app, result)
    for hit in result.hits:
        show_hit(app, result, hit)


def result_line(result: SearchResult) -> str:
    """For example "10 hits in 23 ms · generation 2 · docs-1"."""
    took = result.took_ms["encode"] + result.took_ms["search"]  # loading the encoder is no part of a search
    hits = f"{counted(len(result.hits), 'hit')} in {took:,.0f} ms"
    return f"{hits} · generation {result.generation} · {plain(result.encoder.name)}"


def show_no_hits(result: SearchResult) -> None:
    """What is shown when nothing was found."""
    with st.container(border=True):
        st.markdown("**No hits.**")
        st.caption(
            f"No document in {plain(result.collection)} passes these filters. Remove one, or check its spelling."
        )


def show_hit(app: SearchApp, result: SearchResult, hit: Hit) -> None:
    """Title and score, where it is from, the passage, and the thumbs."""
    with st.container(border=True, key=f"hit-{hit.rank}", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"#### {link(hit.title or hit.document_id, hit.source)}", width="stretch", anchors=False)
            st.badge(f"{hit.score:.2f}", color="primary", help=_SCORES[result.mode])
        st.caption(place_line(hit))
        _show_passage(hit)
        thumbs(app, result, hit.rank)


def place_line(hit: Hit) -> str:
    """Source, page, headings and the first few fields of metadata, as far as they are known."""
    page = [f"page {hit.page}"] if hit.page is not None else []
    headings = [" › ".join(hit.headings)] if hit.headings else []
    fields = [f"{name}: {value}" for name, value in hit.metadata.items() if value is not None and name != MODIFIED]
    changed = [f"changed {str(hit.metadata[MODIFIED])[:_DATE_CHARACTERS]}"] if hit.metadata.get(MODIFIED) else []
    parts = [hit.source, *page, *headings, *fields[:_METADATA_SHOWN], *changed]
    return " · ".join(plain(part) for part in parts if part)


def _show_passage(hit: Hit) -> None:
    passage = paragraphs(hit.text)
    short = excerpt(passage, _EXCERPT_CHARACTERS)
    st.text(short, width="stretch")
    if short != passage:
        with st.expander("Whole passage", type="compact"):
            st.text(hit.text, width="stretch")
