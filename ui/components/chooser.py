"""Which collection a page is about; the choice goes along from page to page."""

from collections.abc import Callable, Sequence

import streamlit as st

from search_app.app import SearchApp
from search_app.config import DEFAULT_COLLECTION
from ui.components.errors import told
from ui.resources import search_app

KEY = "collection"
_LAST = "collection chosen last"


def choose_collection(names: Sequence[str], on_change: Callable[[], None] | None = None) -> str:
    """The collection that a person, the URL or the page before chose; one of `names`, which isn't empty."""
    wanted = (st.session_state.get(KEY), st.session_state.get(_LAST), DEFAULT_COLLECTION, names[0])
    st.session_state[KEY] = next(name for name in wanted if name in names)
    chosen = st.selectbox("Collection", names, key=KEY, on_change=on_change)
    st.session_state[_LAST] = chosen
    return chosen


def is_known(app: SearchApp) -> bool:
    """Whether there is the collection that the URL asks for; shows the sentence if not."""
    asked = st.session_state.get(KEY)
    with told():
        if asked:
            app.catalog.collections.get(asked)
        return True
    return False


def show_none_yet() -> None:
    """What a page says while there is no collection at all."""
    with st.container(border=True):
        st.markdown("**There is no collection yet.**")
        if not search_app().may("ingest"):
            st.caption("Somebody who may load documents must make one first.")
            return
        st.caption("A collection holds the documents that you want to search. Load a folder or a few files first.")
        st.page_link("pages/collections.py", label="Load documents", icon=":material/arrow_forward:")
