"""What a person asks on the Search page: the widgets' values as one record, which the URL holds as well."""

from dataclasses import dataclass, replace

import streamlit as st

from search_app.app import SearchApp
from search_app.app.searching import all_of
from search_app.search import SearchOptions, SearchResult
from ui.components.address import Value
from ui.components.errors import told
from ui.components.paging import SIZES, first_page
from ui.components.querybox import LIKE
from ui.components.text import plain

PARAMETERS = ("query", "collection", "where", "mode", "page", "size", "like")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: by the query, or by the document `like` where one is named. `mode` None is the collection's own."""

    query: str
    collection: str
    where: tuple[str, ...]
    mode: str | None
    page: int
    size: int
    like: str = ""

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to search for."""
        return not self.query and not self.like

    @property
    def parameters(self) -> dict[str, Value]:
        """The URL's parameters; what is as usual is empty, which leaves it out."""
        return {
            "query": self.query,
            "collection": self.collection,
            "where": self.where,
            "mode": self.mode or "",
            "page": str(self.page) if self.page > 1 else "",
            "size": str(self.size) if self.size != SIZES[0] else "",
            "like": self.like,
        }


def search(app: SearchApp, asked: Asked) -> SearchResult:
    """The page of hits."""
    options = SearchOptions(k=asked.size, offset=(asked.page - 1) * asked.size, collapse=True)
    if asked.like:
        return app.similar(asked.like, asked.collection, replace(options, where=all_of(asked.where)))
    return app.search(asked.query, asked.collection, k=asked.size, where=asked.where, mode=asked.mode, options=options)


def go_like(document_id: str) -> None:
    """Searches by this document, or by the query again if it is empty."""
    st.session_state[LIKE] = document_id
    first_page()
    st.rerun()


def show_like(app: SearchApp, asked: Asked) -> None:
    """Which document the hits are similar to, and the way back to the query."""
    with told():
        document = app.document(asked.like, asked.collection).document
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"Similar to **{plain(document.title or document.id)}**", width="stretch")
            back = "Back to the query" if asked.query else "Clear"
            if st.button(back, key="like-no-more", type="tertiary", icon=":material/close:"):
                go_like("")
