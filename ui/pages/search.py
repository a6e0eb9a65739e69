"""Search: ask, read, judge."""

from collections.abc import Sequence

import streamlit as st

from search_app.app import SearchApp
from ui.components import address
from ui.components.asked import PARAMETERS, Asked, note, search, show_example, show_like
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.examples import show_examples
from ui.components.facets import show_facets, show_filters
from ui.components.finer import LIVE, choose_finer, is_switched_on
from ui.components.focus import focus_query_box
from ui.components.hits import mark_best_sentences, show_result
from ui.components.paging import choose_size, current_page, first_page, page_count, show_pages
from ui.components.querybox import LIKE, mode_box, query_box
from ui.resources import search_app


def page() -> None:
    """The box, the hits, and a URL that leads to both."""
    app = search_app()
    show_kept()
    names = [one.name for one in app.catalog.collections.list()]
    if not names:
        show_none_yet()
        return
    address.follow(*PARAMETERS)
    is_found = is_known(app)
    asked = ask(app, names)
    address.write(**asked.parameters)
    if is_found:
        with told():
            answer(app, asked)


def ask(app: SearchApp, names: Sequence[str]) -> Asked:
    """The box in the middle, and beside it what narrows the search down."""
    query = query_box(first_page, is_live=is_switched_on(LIVE))
    left, right = st.columns(2)
    with left:
        collection = choose_collection(names, first_page)
    with right:
        mode = mode_box(first_page)
    with st.sidebar:
        size = choose_size()
        where = show_filters(app, collection, first_page)
        finer, example = choose_finer(app, first_page)
    like = str(st.session_state.get(LIKE, ""))
    return Asked(query, collection, where, mode, current_page(size), size, like, finer, example)


def answer(app: SearchApp, asked: Asked) -> None:
    """The hits, or examples to click where nothing is asked yet."""
    facets = app.facets(asked.collection, where=asked.where)
    with st.sidebar:
        show_facets(facets, first_page)
    if asked.is_nothing:
        show_examples(app, asked.collection)
        focus_query_box()
        return
    if asked.example is not None:
        show_example(asked.example)
    elif asked.like:
        show_like(app, asked)
    with st.spinner("Searching …"):
        result = search(app, asked)
    drawn = show_result(app, result, facets.document_count, is_typed=asked.is_typed)
    show_pages(asked.page, page_count(asked.page, asked.size, len(result.hits), facets.document_count))
    if asked.is_typed:
        note(app, asked)
        mark_best_sentences(app, result, drawn)


page()
