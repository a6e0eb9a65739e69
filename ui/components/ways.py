"""By what a map is drawn: principal components at once, or t-SNE, which a job draws."""

import streamlit as st

from search_app.app import SearchApp
from search_app.arranging import Layout, can_arrange
from search_app.requests import ArrangeRequest
from ui.components.errors import told
from ui.components.jobs import JobFilter, has_active, show_jobs

WAY, TSNE = "way", "tsne"  # of the session and of the URL
_PLANE = "plane"
_WAYS = {_PLANE: "Principal components", TSNE: "t-SNE"}
_HELP = (
    "Principal components show most of the differences between all passages, at once. t-SNE keeps neighbours together; "
    "it takes minutes to draw, as a job, and its picture is kept."
)


def choose_way(app: SearchApp, collection: str) -> Layout | None:
    """The picture that was drawn by t-SNE if it is asked for and there is one; else what to do about it."""
    if st.session_state.get(WAY) not in _WAYS:
        st.session_state[WAY] = _PLANE
    layout = app.layout_of(collection)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control(
            "Drawn by", list(_WAYS), key=WAY, format_func=lambda one: _WAYS[one], required=True, help=_HELP
        )
        if way == TSNE and can_arrange() and app.may("arrange"):
            _offer(app, collection, is_drawn=layout is not None)
    if way != TSNE:
        return None
    show_jobs(app, JobFilter({"arrange"}, collection))
    if not can_arrange():
        st.info(
            "t-SNE is drawn by openTSNE, which isn't installed. Whoever runs the server can run "
            "`pip install 'twinsearch[map]'`.",
            icon=":material/extension:",
        )
    if layout is None:
        st.caption("There is no picture by t-SNE of this generation yet; this one is that of principal components.")
    return layout


def _offer(app: SearchApp, collection: str, *, is_drawn: bool) -> None:
    """The button that starts the job."""
    label = "Draw anew by t-SNE" if is_drawn else "Draw by t-SNE"
    is_drawing = has_active(app, JobFilter({"arrange"}, collection))
    with told():
        if st.button(label, key="arrange", icon=":material/scatter_plot:", disabled=is_drawing):
            app.start(ArrangeRequest(collection))
            st.rerun()
