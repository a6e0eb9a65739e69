"""The documents of a collection as a list: filtered by a pattern, a page at a time, shown and removed one by one."""

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.listing import DocumentState, ListedDocument, ListingFilter, Page
from ui.components import address
from ui.components.errors import kept
from ui.components.figures import counted
from ui.components.reading import show_document
from ui.components.text import plain

_PAGE = 20
_TURNED = "documents-turned"  # the collection that was turned over, and to which document
_STATES = {"All": ListingFilter(), "Cut off": ListingFilter(is_truncated=True)}
_STATES["Not indexed yet"] = ListingFilter(state=DocumentState.PENDING)


def show_library(app: SearchApp, collection: str) -> None:
    """The filter, the rows, and the way to the next ones."""
    like = st.text_input("Id or source", key="like", placeholder="* stands for anything: *.pdf", on_change=_restart)
    address.write(collection=collection, like=like)
    which = st.segmented_control("Show", list(_STATES), default="All", required=True, key="which", on_change=_restart)
    chosen = _STATES[which]
    wanted = ListingFilter(like if "*" in like or "?" in like else f"*{like}*", chosen.state, chosen.is_truncated)
    of, offset = st.session_state.get(_TURNED, (collection, 0))
    offset = offset if of == collection else 0
    while not (found := app.documents(collection, wanted, Page(offset, _PAGE + 1))) and offset:
        offset = max(offset - _PAGE, 0)  # the last document of the page is gone
    if not found:
        st.caption("No document is like that.")
    for place, one in enumerate(found[:_PAGE]):
        _show_row(app, collection, place, one)
    _show_turning(collection, offset, has_more=len(found) > _PAGE)


def _show_row(app: SearchApp, collection: str, place: int, one: ListedDocument) -> None:
    with st.container(border=True, key=f"document-{place}", gap="xsmall"):
        st.markdown(f"**{plain(one.title or one.id)}**")
        st.caption(row_line(one))
        with st.container(horizontal=True, gap="medium"):
            if st.button("Open", key=f"show-{place}", type="tertiary", icon=":material/article:"):
                show_document(app, collection, one.id)
            if app.may("remove_documents"):
                _show_removal(app, collection, place, one.id)


def _show_removal(app: SearchApp, collection: str, place: int, document_id: str) -> None:
    with st.popover("Remove", type="tertiary", icon=":material/delete:"):
        st.markdown("Remove it from this collection? The file stays, and the next ingest takes it in again.")
        st.button(
            "Remove", key=f"remove-{place}", type="primary", on_click=_remove, args=(app, collection, document_id)
        )


def row_line(one: ListedDocument) -> str:
    """Source, chunks, and what isn't as it should be; Markdown."""
    copy = [f"a copy of {one.original_id}"] if one.original_id else []
    pending = ["not indexed yet"] if one.state is DocumentState.PENDING else []
    cut = [f"{counted(one.truncated_tokens, 'token')} not read"] if one.truncated_tokens else []
    return " · ".join(plain(part) for part in [one.source, counted(one.chunk_count, "chunk"), *copy, *pending, *cut])


def _show_turning(collection: str, offset: int, *, has_more: bool) -> None:
    with st.container(horizontal=True):
        if offset:
            st.button("Previous", on_click=_turn, args=(collection, offset - _PAGE), icon=":material/chevron_left:")
        if has_more:
            st.button("Next", on_click=_turn, args=(collection, offset + _PAGE), icon=":material/chevron_right:")


def _turn(collection: str, offset: int) -> None:
    st.session_state[_TURNED] = collection, max(offset, 0)


def _restart() -> None:
    st.session_state.pop(_TURNED, None)


def _remove(app: SearchApp, collection: str, document_id: str) -> None:
    with kept():
        app.remove_documents([document_id], collection)
        st.toast("Removed.", icon=":material/delete:")
