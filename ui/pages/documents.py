"""Documents: those of one collection, shown, filtered and removed; what failed or was cut off; the index's health."""

import streamlit as st

from ui.components import address
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.health import show_health
from ui.components.ledger import show_ledger
from ui.components.library import show_library
from ui.resources import search_app


def page() -> None:
    """The list, the ledger, and the index."""
    app = search_app()
    show_kept()
    st.title("Documents", anchor=False)
    names = [one.name for one in app.catalog.collections.list()]
    if not names:
        show_none_yet()
        return
    address.follow("collection", "like")
    is_found = is_known(app)
    collection = choose_collection(names)
    with told():
        if is_found:
            show_library(app, collection)
            show_ledger(app, collection)
            show_health(app, collection)


page()
