"""Narrowing a search down: filters as typed, and the values of metadata to click, each with its count.

There is one list of filters, the one in the box and in the URL; a click adds to it.
"""

import json
import re
from collections.abc import Callable

import streamlit as st

from ingest.documents import MetadataValue
from search_app.app import SearchApp
from search_app.catalog.facets import Facet, Facets, FacetValue
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
        key = f"facet-{number}"
        labels = {filter_of(facet.field, one.value): value_label(one) for one in facet.values}
        st.session_state[key] = None  # a click narrows down and chooses nothing: what is chosen is a filter then
        st.pills(
            facet_label(facet),
            list(labels),
            format_func=labels.__getitem__,
            key=key,
            on_change=_narrow,
            args=(key, on_change),
        )


def facet_label(facet: Facet) -> str:
    """For example "module, 191 more"; Markdown."""
    rest = facet.value_count - len(facet.values)
    return f"{plain(facet.field)}{f' :gray[· {rest:,} more]' if rest else ''}"


def value_label(one: FacetValue) -> str:
    """For example "calendar 12"; Markdown."""
    shown = json.dumps(one.value) if isinstance(one.value, bool) else str(one.value)
    return f"{plain(excerpt(shown, _LABEL_CHARACTERS))} :gray[{one.document_count:,}]"


def filter_of(field: str, value: MetadataValue) -> str:
    """The filter for a field's value as a person would type it."""
    name = field if _BARE.fullmatch(field) else json.dumps(field, ensure_ascii=False)
    return f"{name}={json.dumps(value, ensure_ascii=False)}"


def _narrow(key: str, on_change: Callable[[], None]) -> None:
    where = st.session_state[key]
    held = list(st.session_state.get(WHERE, []))
    if where is not None and where not in held:
        st.session_state[WHERE] = [*held, where]
        on_change()
