"""Collections: what there is, and how more comes in."""

import streamlit as st

from ui.components.errors import show_kept
from ui.components.jobs import JobFilter, show_earlier_jobs, show_jobs
from ui.components.loading import show_loading
from ui.components.shelf import show_collection
from ui.resources import search_app


def page() -> None:
    """The form, the jobs that load, and a card for each collection."""
    app = search_app()
    show_kept()
    collections = app.status().collections
    st.title("Collections", anchor=False)
    with st.expander("Load documents", expanded=not collections, icon=":material/upload_file:", key="load-box"):
        show_loading(app, [one.name for one in collections])
    loads = JobFilter({"ingest"})
    show_jobs(app, loads)
    for one in collections:
        show_collection(app, one)
    if not collections:
        st.caption("There is no collection yet. Load a folder or a few files, and the first one is made.")
    show_earlier_jobs(app, loads)


page()
