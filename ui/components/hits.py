"""The answers to a query, one card a hit."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ingest.documents import MODIFIED, page_label
from search_app.app import SearchApp
from search_app.search import Hit, SearchResult
from ui.components.asked import go_like
from ui.components.cards import Card, show_again, show_card
from ui.components.errors import show_kept
from ui.components.excerpts import excerpt_of
from ui.components.figures import counted
from ui.components.marks import Span
from ui.components.reading import show_document
from ui.components.text import one_line, plain
from ui.components.thumbs import read_judgements, thumbs
from ui.components.why import show_why

_METADATA_SHOWN = 4
_SCORES = {
    "dense": "Cosine similarity of query and passage; 1 is the same.",
    "lexical": "BM25 of the query's words in the passage; more is better.",
    "hybrid": "Meaning and words in one number; 1 is the best of both.",
}
_BY = {"dense": "by meaning", "lexical": "by words", "hybrid": "by meaning and words"}
_DATE_CHARACTERS = len("2026-01-31")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A hit's card as it was drawn, and where."""

    hit: Hit
    card: Card
    place: DeltaGenerator


def show_result(app: SearchApp, result: SearchResult, document_count: int, *, is_typed: bool) -> list[Drawn]:
    """How many documents there are and who gave these, then the hits, best first; returns their cards.

    Args:
        app: The home.
        result: What was found.
        document_count: How many documents were searched.
        is_typed: Whether a person typed the query; else it is a document's id, which nobody judges by.
    """
    if not result.hits:
        show_no_hits(result)
        return []
    st.caption(result_line(result, document_count))
    if is_typed:
        read_judgements(app, result)
    return [show_hit(app, result, hit, is_typed=is_typed) for hit in result.hits]


def mark_best_sentences(app: SearchApp, result: SearchResult, drawn: Sequence[Drawn]) -> None:
    """Draws the cards anew whose best sentence wasn't known when they were drawn, one after the other.

    It comes last on the page: each passage costs a pass through the encoder, and nobody waits for these to read.
    """
    for one in drawn:
        best = app.best_sentence(result, one.hit.rank)
        card = card_of(one.hit, result.mode, result.query, best)
        if card != one.card:
            show_again(one.place, card)


def result_line(result: SearchResult, document_count: int) -> str:
    """For example "Hits 1–10 of 4,012 documents by meaning · 23 ms · generation 2 · docs-1"; Markdown."""
    took = sum(milliseconds for part, milliseconds in result.took_ms.items() if part != "prepare")
    ranks = f"Hits {result.hits[0].rank:,}–{result.hits[-1].rank:,}"
    found = f"{ranks} of {counted(document_count, 'document')} {_BY[result.mode]}"
    return f"{found} · {took:,.0f} ms · generation {result.generation} · {plain(result.encoder.name)}"


def show_no_hits(result: SearchResult) -> None:
    """What is shown when nothing was found."""
    with st.container(border=True):
        st.markdown("**No hits.**")
        if result.mode == "lexical":
            st.caption(
                f"No document in {plain(result.collection)} has these words and passes the filters. "
                "Search by meaning, or remove a filter."
            )
            return
        st.caption(
            f"No document in {plain(result.collection)} passes these filters. Remove one, or check its spelling."
        )


def show_hit(app: SearchApp, result: SearchResult, hit: Hit, *, is_typed: bool) -> Drawn:
    """Title and score, where it is from, the passage, and what can be done with it."""
    best = app.best_sentence(result, hit.rank, is_reading=False) if is_typed else None
    card = card_of(hit, result.mode, result.query if is_typed else "", best)
    with st.container(border=True, key=f"hit-{hit.rank}", gap="xsmall"):
        place = show_card(card)
        _show_ways(app, result, hit, is_typed=is_typed)
    return Drawn(hit, card, place)


def card_of(hit: Hit, mode: str, query: str, best: Span | None = None) -> Card:
    """What the card tells: the words of the query are marked in its excerpt, and the best sentence, if it is known."""
    excerpt = excerpt_of(hit.text, query, best)
    title, score = hit.title or hit.document_id, f"{hit.score:.2f}"
    return Card(title, hit.source, score, score_meaning(mode, hit), place_line(hit), *excerpt)


def score_meaning(mode: str, hit: Hit) -> str:
    """What the score means, and those it is made of."""
    names = {"dense": "meaning", "lexical": "words"}
    parts = [f"{names.get(part, part)} {score:.2f}" for part, score in hit.parts.items()]
    return f"{_SCORES[mode]} {', '.join(parts)}".rstrip()


def place_line(hit: Hit) -> str:
    """Source, page or slide, headings, the first few fields of metadata, further passages and copies, if known."""
    page = [page_label(hit.source, hit.page)] if hit.page is not None else []
    headings = [" › ".join(hit.headings)] if hit.headings else []
    fields = [f"{name}: {value}" for name, value in hit.metadata.items() if value is not None and name != MODIFIED]
    changed = [f"changed {str(hit.metadata[MODIFIED])[:_DATE_CHARACTERS]}"] if hit.metadata.get(MODIFIED) else []
    more = [counted(hit.more_passages, "more passage")] if hit.more_passages else []
    parts = [hit.source, *page, *headings, *fields[:_METADATA_SHOWN], *changed, *more, *copies_of(hit)]
    return " · ".join(one_line(part) for part in parts if part)


def copies_of(hit: Hit) -> list[str]:
    """How many other files hold the same or nearly so; nothing where none does."""
    same = [f"{counted(len(hit.also_at), 'copy', 'copies')} elsewhere"] if hit.also_at else []
    near = [f"{hit.copies:,} nearly the same"] if hit.copies else []
    return [*same, *near]


@st.fragment  # a click draws this line again, and nothing is searched anew
def _show_ways(app: SearchApp, result: SearchResult, hit: Hit, *, is_typed: bool) -> None:
    """Judge, open, why, similar documents."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"ways-{hit.rank}"):
        if is_typed:
            thumbs(app, result, hit.rank)
        if st.button("Open", key=f"open-{hit.rank}", type="tertiary", icon=":material/article:"):
            query = result.query if is_typed else ""
            show_document(app, result.collection, hit.document_id, chunk_id=hit.chunk_id, query=query)
        if is_typed and st.button("Why", key=f"why-{hit.rank}", type="tertiary", icon=":material/lightbulb:"):
            show_why(app, result, hit)
        if st.button("Similar", key=f"similar-{hit.rank}", type="tertiary", icon=":material/join_inner:"):
            go_like(hit.document_id)
    show_kept()
