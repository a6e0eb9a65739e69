"""The one SearchApp of this process, shared by every page and every visitor."""

import streamlit as st

from search_app.app import SearchApp


@st.cache_resource(show_spinner=False, on_release=SearchApp.close)
def search_app() -> SearchApp:
    """The opened home that TWINSEARCH_HOME names; encoders are loaded into it once."""
    app = SearchApp.open()
    _ = app.searcher  # opens catalogue, index and encoders here, under the cache's lock
    return app
