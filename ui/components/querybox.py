"""The search box and its filters."""

from collections.abc import Mapping

import streamlit as st

from search_app.app import SearchApp
from ui.components.text import plain

_FOCUS = """<script>
const box = document.querySelector(".st-key-query input");
if (box && !box.value && document.activeElement === document.body) box.focus();
</script>"""
_FIELDS_SHOWN = 6


def query_box() -> str:
    """The query as typed; the box has the focus when the page opens."""
    query = st.text_input(
        "Query",
        key="query",
        type="search",
        placeholder="Ask in your own words",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    return query or ""


def focus_query_box() -> None:
    """Puts the focus into the empty box; goes at the end of the page, because it takes a little room."""
    st.html(_FOCUS, unsafe_allow_javascript=True)  # a constant: Streamlit has no other way to set the focus


def filter_box(app: SearchApp, collection: str) -> tuple[str, ...]:
    """Filters as typed, such as "module=os"; all of them must hold."""
    fields = app.catalog.documents.fields(app.catalog.collections.get(collection).id)
    typed = st.multiselect(
        "Filters",
        [],
        key="where",
        accept_new_options=True,
        placeholder="Type a filter and press Enter",
        help=filter_help(fields),
    )
    return tuple(typed)


def filter_help(fields: Mapping[str, set[str]]) -> str:
    """How filters are written, with fields that these documents have."""
    known = sorted(fields)[:_FIELDS_SHOWN]
    example = known[0] if known else "source"
    named = f" Fields here: {plain(', '.join(known))}." if known else ""
    return f"Only documents for which every filter holds, for example {plain(example)}\\=value.{named}"
