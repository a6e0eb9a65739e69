"""The forms that start the two long steps of learning: train an encoder, and re-index with it."""

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.collections import slug_of
from search_app.requests import ReindexRequest, TrainRequest
from search_app.status import CollectionStatus
from ui.components.errors import told

LOSSES = ("auto", "in-batch-negatives", "symmetric", "contrastive", "triplet")  # those that fit what judgements teach


def show_training(app: SearchApp, one: CollectionStatus) -> None:
    """Name and settings of a new encoder; a job starts when they are sent."""
    with st.form("train", border=False):
        free = free_name(app, one.name)
        name = st.text_input("Name of the new encoder", value=free, key=f"train-as-{free}")
        with st.expander("Settings", type="compact"):
            loss = st.selectbox("Loss", LOSSES, help="auto is the usual one for judgements.")
            epochs = st.number_input("Epochs", 1, 50, value=None, placeholder="As the loss needs")
        if st.form_submit_button("Train", type="primary", icon=":material/model_training:"):
            with told():
                app.start(TrainRequest(name.strip(), one.name, loss=loss, epochs=epochs))
                st.rerun()


def free_name(app: SearchApp, collection: str) -> str:
    """A name that no encoder has: the collection's, with the next number."""
    taken = {encoder.name for encoder in app.catalog.encoders.list()}
    taken |= {str(view.job.arguments.get("name")) for view in app.jobs.views()}
    slug = slug_of(collection)
    return next(name for number in range(1, len(taken) + 2) if (name := f"{slug}-{number}") not in taken)


def show_reindexing(app: SearchApp, one: CollectionStatus) -> None:
    """Which encoder fills the next generation; a job starts when it is sent."""
    names = [encoder.name for encoder in reversed(app.catalog.encoders.list())]
    with st.form("reindex", border=False):
        encoder = st.selectbox("Encoder", names, key=f"reindex-encoder-{one.name}")
        is_switching = st.checkbox("Switch when it is done, if the gate lets it through")
        if st.form_submit_button("Re-index", icon=":material/database:"):
            with told():
                app.start(ReindexRequest(one.name, encoder, switch=is_switching))
                st.rerun()
