"""What a person asks on the Search page: the widgets' values as one record, which the URL holds as well."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from search_app.app import SearchApp
from search_app.app.searching import all_of
from search_app.retrieval import mode_of
from search_app.search import SearchOptions, SearchResult
from ui.components.address import Value
from ui.components.errors import told
from ui.components.finer import AS_USUAL, FINER, Finer
from ui.components.paging import SIZES, first_page
from ui.components.querybox import LIKE
from ui.components.text import plain
from ui.components.uploads import Upload, safe_name

_NOTED = "query noted last"
PARAMETERS = ("query", "collection", "where", "mode", "page", "size", "like", *FINER)


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: by a file, by the document `like`, or by the query. `mode` None is the collection's own."""

    query: str
    collection: str
    where: tuple[str, ...]
    mode: str | None
    page: int
    size: int
    like: str = ""
    finer: Finer = AS_USUAL
    example: Upload | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to search for."""
        return not self.query and not self.like and self.example is None

    @property
    def is_typed(self) -> bool:
        """Whether the hits answer the query, so that they can be judged for it."""
        return not self.like and self.example is None

    @property
    def options(self) -> SearchOptions:
        """How to search for the page of hits."""
        return replace(
            self.finer.options,
            k=self.size,
            offset=(self.page - 1) * self.size,
            where=all_of(self.where),
            mode=mode_of(self.mode),
        )

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
            **self.finer.parameters,
        }


def search(app: SearchApp, asked: Asked) -> SearchResult:
    """The page of hits."""
    if asked.example is not None:
        return _like_file(app, asked, asked.example)
    if asked.like:
        return app.similar(asked.like, asked.collection, replace(asked.options, mode=None, rerank=None))
    if asked.finer.is_combined:
        return app.search_combined(asked.query, asked.collection, asked.options)
    return app.search_many([asked.query], asked.collection, asked.options)[0]


def note(app: SearchApp, asked: Asked) -> None:
    """Notes a query for whoever judges, once however often its page is drawn; half a word, or parts, are none."""
    about = asked.collection, asked.query
    is_whole = not (asked.finer.is_live or asked.finer.is_combined)
    if is_whole and st.session_state.get(_NOTED) != about:
        app.note_query(asked.query, asked.collection)
        st.session_state[_NOTED] = about


def _like_file(app: SearchApp, asked: Asked, example: Upload) -> SearchResult:
    with tempfile.TemporaryDirectory(prefix="twinsearch-example-") as folder:
        path = Path(folder) / safe_name(example.name)
        path.write_bytes(example.getbuffer())
        return app.search_like_file(path, asked.collection, replace(asked.options, mode=None, rerank=None))


def go_like(document_id: str) -> None:
    """Searches by this document, or by the query again if it is empty."""
    st.session_state[LIKE] = document_id
    first_page()
    st.rerun()


def show_example(example: Upload) -> None:
    """Which file the hits are similar to; what was typed has no say meanwhile."""
    st.markdown(f"Similar to the file **{plain(example.name)}**; take it away to search by the query again.")


def show_like(app: SearchApp, asked: Asked) -> None:
    """Which document the hits are similar to, and the way back to the query."""
    with told():
        document = app.document(asked.like, asked.collection).document
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"Similar to **{plain(document.title or document.id)}**", width="stretch")
            back = "Back to the query" if asked.query else "Clear"
            if st.button(back, key="like-no-more", type="tertiary", icon=":material/close:"):
                go_like("")
