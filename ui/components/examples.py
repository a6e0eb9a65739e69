"""Queries to click for a person who doesn't know yet what to ask, taken from the collection itself."""

from collections.abc import Sequence

import streamlit as st

from ingest.documents import Document
from search_app.app import SearchApp
from search_app.catalog.judgements import query_key
from ui.components.text import excerpt, one_line, plain

_COUNT = 4
_CHARACTERS = 70


def show_examples(app: SearchApp, collection: str) -> None:
    """Buttons that fill the search box."""
    queries = example_queries(app, collection)
    if not queries:
        return
    st.caption("Try one of these")
    with st.container(key="examples", gap=None):
        for number, query in enumerate(queries):
            st.button(
                plain(query),
                key=f"example-{number}",
                type="tertiary",
                on_click=_ask,
                args=(query,),
                icon=":material/north_west:",
            )


def example_queries(app: SearchApp, collection: str) -> list[str]:
    """What people asked and found an answer to, else what some documents begin with."""
    answered = {query_key(one.query): one.query for one in app.judgements(collection) if one.grade}
    short = [one for one in answered.values() if len(one) <= _CHARACTERS]
    if short:
        return [short[place] for place in _places(len(short))]
    return [example_of(document) for document in _spread(app, collection)]


def example_of(document: Document) -> str:
    """A title that is a phrase, else the beginning of the text."""
    is_phrase = " " in document.title.strip()
    return excerpt(one_line(document.title if is_phrase else document.text), _CHARACTERS).removesuffix(" …")


def _spread(app: SearchApp, collection: str) -> Sequence[Document]:
    """A few documents from all over the collection."""
    collection_id = app.catalog.collections.get(collection).id
    offsets = _places(app.catalog.documents.count(collection_id))
    return [
        document for offset in offsets for document in app.catalog.documents.list(collection_id, offset=offset, limit=1)
    ]


def _places(count: int) -> list[int]:
    """A few places from 0 to count - 1, evenly spread."""
    return sorted({count * part // _COUNT for part in range(_COUNT)}) if count else []


def _ask(query: str) -> None:
    st.session_state["query"] = query
