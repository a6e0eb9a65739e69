"""Status: the engine, the encoders, the jobs, and which versions run."""

import streamlit as st

from ui.components.errors import show_kept
from ui.components.home import show_encoders, show_engine, show_versions
from ui.components.jobs import show_all_jobs
from ui.resources import search_app


def page() -> None:
    """How things stand."""
    app = search_app()
    show_kept()
    st.title("Status", anchor=False)
    show_engine(app)
    st.header("Encoders", anchor=False)
    show_encoders(app)
    st.header("Jobs", anchor=False)
    show_all_jobs(app)
    st.header("Versions", anchor=False)
    show_versions()


page()
