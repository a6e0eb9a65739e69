"""The collections of the home, one card each."""

import streamlit as st

from search_app.app import SearchApp
from search_app.status import CollectionStatus
from ui.components.errors import kept
from ui.components.figures import counted
from ui.components.text import plain


def show_collection(app: SearchApp, one: CollectionStatus) -> None:
    """Name, counts and live generation, and the ways from here."""
    with st.container(border=True, key=f"collection-{one.name}", gap="xsmall"):
        st.markdown(f"#### {plain(one.name)}", anchors=False)
        st.markdown(counts_line(one))
        st.caption(generation_line(one))
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            query = {"collection": one.name}
            st.page_link("pages/search.py", label="Search", icon=":material/search:", query_params=query)
            st.page_link("pages/documents.py", label="Documents", icon=":material/description:", query_params=query)
            st.page_link("pages/learn.py", label="Learn", icon=":material/school:", query_params=query)
            if app.may("drop_collection"):
                with st.popover("Drop", type="tertiary", icon=":material/delete:"):
                    _show_drop(app, one)


def counts_line(one: CollectionStatus) -> str:
    """Documents, chunks and judgements."""
    judged = counted(one.judgements.judgement_count, "judgement")
    return f"{counted(one.document_count, 'document')} · {counted(one.chunk_count, 'chunk')} · {judged}"


def generation_line(one: CollectionStatus) -> str:
    """Which generation answers, and which encoder filled it; Markdown."""
    if one.live is None:
        return "Nothing is live yet."
    return f"Generation {one.live.number} is live, filled by {plain(one.live.encoder_name)}"


def _show_drop(app: SearchApp, one: CollectionStatus) -> None:
    st.markdown(
        f"Forget **{plain(one.name)}** with its {counted(one.document_count, 'document')} and "
        f"{counted(one.judgements.judgement_count, 'judgement')}? There is no way back."
    )
    st.button("Drop for good", key=f"drop-{one.name}", type="primary", on_click=_drop, args=(app, one.name))


def _drop(app: SearchApp, name: str) -> None:
    with kept():
        app.drop_collection(name)
