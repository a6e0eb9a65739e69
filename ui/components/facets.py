"""Narrowing a search down: filters as typed, and the values of metadata to click, each with its count.

There is one list of filters, the one in the box and in the URL; a click adds to it.
"""

import json
import re
from collections.abc import Callable

import streamlit as st

from ingest.documents import MetadataValue
from search_app.app import SearchApp
from search_app.catalog.facets import Facets, FacetValue
from ui.components.querybox import WHERE, filter_help
from ui.components.text import excerpt, plain

_BARE = re.compile(r"[A-Za-z_][\w.-]*")
_FIELDS_SHOWN = 6
_LABEL_CHARACTERS = 32


def show_filters(app: SearchApp, collection: str, on_change: Callable[[], None]) -> tuple[str, ...]:
    """The box of filters; all of them must hold."""
    fields = app.catalog.documents.fields(app.catalog.collections.get(collection).id)
    typed = st.multiselect(
        "Filters",
        [],
        key=WHERE,
        accept_new_options=True,
        placeholder="Type a filter and press Enter",
        help=filter_help(fields),
        on_change=on_change,
    )
    return tuple(typed)


def show_facets(found: Facets, on_change: Callable[[], None]) -> None:
    """The fields with their most frequent values; nothing where the documents can't be told apart."""
    for number, facet in enumerate(found.fields[:_FIELDS_SHOWN]):
        with st.container(key=f"facet-{number}", gap=None):
            st.caption(f"**{plain(facet.field)}**")
            for place, one in enumerate(facet.values):
                st.button(
                    value_label(one),
                    key=f"facet-{number}-{place}",
                    type="tertiary",
                    on_click=_narrow,
                    args=(filter_of(facet.field, one.value), on_change),
                )
            rest = facet.value_count - len(facet.values)
            if rest:
                st.caption(f"and {rest:,} more")


def value_label(one: FacetValue) -> str:
    """For example "calendar 12"; Markdown."""
    shown = json.dumps(one.value) if isinstance(one.value, bool) else str(one.value)
    return f"{plain(excerpt(shown, _LABEL_CHARACTERS))} :gray[{one.document_count:,}]"


def filter_of(field: str, value: MetadataValue) -> str:
    """The filter for a field's value as a person would type it."""
    name = field if _BARE.fullmatch(field) else json.dumps(field, ensure_ascii=False)
    return f"{name}={json.dumps(value, ensure_ascii=False)}"


def _narrow(where: str, on_change: Callable[[], None]) -> None:
    held = list(st.session_state.get(WHERE, []))
    st.session_state[WHERE] = [*held, where] if where not in held else held
    on_change()
