"""Search: ask, read, judge."""

import streamlit as st

from ui.components import address
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.examples import show_examples
from ui.components.hits import show_result
from ui.components.querybox import filter_box, focus_query_box, query_box
from ui.resources import search_app


def page() -> None:
    """The box, the hits, and a URL that leads to both."""
    app = search_app()
    show_kept()
    names = [one.name for one in app.catalog.collections.list()]
    if not names:
        show_none_yet()
        return
    address.follow("query", "collection", "where")
    found = is_known(app)
    query = query_box()
    left, right = st.columns([1, 2])
    with left:
        collection = choose_collection(names)
    with right:
        where = filter_box(app, collection)
    address.write(query=query, collection=collection, where=where)
    if not found:
        return
    with told():
        if not query:
            show_examples(app, collection)
            focus_query_box()
            return
        with st.spinner("Searching …"):
            result = app.search(query, collection, where=where)
        show_result(app, result)


page()
