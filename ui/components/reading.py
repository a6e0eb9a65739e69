"""A document in a dialog: the passage that was found between its neighbours, all other passages, and its text."""

from collections.abc import Sequence

import streamlit as st

from ingest.chunking import Chunk
from ingest.documents import page_label
from search_app.app import SearchApp
from search_app.documents import DocumentView
from ui.components.errors import told
from ui.components.figures import counted
from ui.components.marks import show_marked, word_spans
from ui.components.text import excerpt, link, plain

_AROUND = 1  # passages before and after the one that was found
_PASSAGES_SHOWN = 100
_TEXT_CHARACTERS = 200_000  # of a document; more makes the browser slow
_SOURCES_SHOWN = 20


@st.dialog("Document", width="large")
def show_document(app: SearchApp, collection: str, document_id: str, *, chunk_id: str = "", query: str = "") -> None:
    """The document; around the chunk if one is given, with the words of the query marked."""
    with told():
        view = app.document(document_id, collection)
        source = view.document.source
        st.markdown(f"**{link(view.document.title or view.document.id, source)}**")  # a dialog's headings are tiny
        st.caption(plain(source))
        _show_copies(view)
        near, rest = around(view.chunks, chunk_id)
        for chunk in near:
            _show_passage(chunk, source, query, is_found=chunk.id == chunk_id)
        if rest:
            with st.expander(counted(len(rest), "more passage"), type="compact"):
                for chunk in rest[:_PASSAGES_SHOWN]:
                    _show_passage(chunk, source, query, is_found=False)
        with st.expander("Whole text", type="compact"):
            st.text(excerpt(view.document.text, _TEXT_CHARACTERS), width="stretch")


def around(chunks: Sequence[Chunk], chunk_id: str) -> tuple[list[Chunk], list[Chunk]]:
    """The passages next to the one with this id, itself among them, and all others; the first where none has it."""
    place = next((place for place, chunk in enumerate(chunks) if chunk.id == chunk_id), 0)
    near = range(max(place - _AROUND, 0), place + _AROUND + 1)
    return (
        [chunk for number, chunk in enumerate(chunks) if number in near],
        [chunk for number, chunk in enumerate(chunks) if number not in near],
    )


def _show_passage(chunk: Chunk, source: str, query: str, *, is_found: bool) -> None:
    with st.container(border=is_found, gap="xsmall"):
        if line := passage_line(chunk, source):
            st.caption(line)
        show_marked(chunk.text, word_spans(chunk.text, query) if query.strip() else [])


def passage_line(chunk: Chunk, source: str) -> str:
    """Where in the document, which is from this source, it stands; Markdown."""
    page = [page_label(source, chunk.page)] if chunk.page is not None else []
    return " · ".join(plain(part) for part in [*page, " › ".join(chunk.headings)] if part)


def _show_copies(view: DocumentView) -> None:
    """The files that hold the same, and the documents that hold nearly the same."""
    same = [alias.source for alias in view.aliases]
    for label, sources in (("The same in", same), ("Nearly the same", list(view.near))):
        if sources:
            rest = f" and {len(sources) - _SOURCES_SHOWN:,} more" if len(sources) > _SOURCES_SHOWN else ""
            st.caption(f"{label}: {plain(', '.join(sources[:_SOURCES_SHOWN]))}{rest}")
