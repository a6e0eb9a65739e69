"""The one SearchApp of this process, shared by every page and every visitor."""

import streamlit as st

from search_app.app import SearchApp
from ui.visitors import visitor, visitor_name


@st.cache_resource(show_spinner=False, on_release=SearchApp.close)
def opened_home() -> SearchApp:
    """The opened home that TWINSEARCH_HOME names; encoders are loaded into it once."""
    app = SearchApp.open()
    _ = app.searcher  # opens catalogue, index and encoders here, under the cache's lock
    return app


def search_app() -> SearchApp:
    """The opened home, acting as whoever looks at the page."""
    name = visitor_name()
    app = opened_home()
    return app if name is None else app.acting_as(visitor(app, name))
