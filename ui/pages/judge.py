"""Judge: queries and passages to be graded, the doubtful ones first."""

import streamlit as st

from ui.components import address
from ui.components.agreement import show_agreement
from ui.components.blind import show_blind
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.judged import show_judged
from ui.components.judgement_files import show_files
from ui.components.query_list import show_query_list
from ui.components.querybox import query_box
from ui.components.reviews import show_reviews
from ui.resources import search_app


def page() -> None:
    """What was judged so far, what is doubtful, a query to be judged blindly, and the files."""
    app = search_app()
    show_kept()
    st.title("Judge", anchor=False)
    names = [one.name for one in app.catalog.collections.list()]
    if not names:
        show_none_yet()
        return
    address.follow("query", "collection")
    is_found = is_known(app)
    collection = choose_collection(names)
    with told():
        show_judged(app.catalog.judgements.counts(app.catalog.collections.get(collection).id))
        show_agreement(app, collection)
        is_asking = bool(st.session_state.get("query"))  # then the keys are for the query's candidates
        show_reviews(app, collection, has_keys=not is_asking)
        st.header("Judge a query", anchor=False)
        st.caption(
            "All that either way of searching finds, in no order and without scores, so that you judge the text."
        )
        show_query_list(app, collection)
        query = query_box(lambda: None)
        address.write(query=query, collection=collection)
        if query and is_found:
            show_blind(app, collection, query)
        show_files(app, collection)


page()
