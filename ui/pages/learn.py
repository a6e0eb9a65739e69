"""Learn: from judgements to an encoder, from an encoder to a generation, and the gate before the switch."""

import streamlit as st

from search_app.app import SearchApp
from search_app.status import CollectionStatus
from ui.components import address
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.generations import show_generations
from ui.components.jobs import JobFilter, show_earlier_jobs, show_jobs
from ui.components.judged import show_judged
from ui.components.training import show_reindexing, show_training
from ui.resources import search_app


def page() -> None:
    """The steps of learning for one collection, in the order in which they are taken."""
    app = search_app()
    show_kept()
    st.title("Learn", anchor=False)
    collections = {one.name: one for one in app.status().collections}
    if not collections:
        show_none_yet()
        return
    address.follow("collection")
    found = is_known(app)
    collection = choose_collection(list(collections))
    address.write(collection=collection)
    if found:
        with told():
            show_steps(app, collections[collection])


def show_steps(app: SearchApp, one: CollectionStatus) -> None:
    """Judge, train, re-index, compare and switch."""
    st.header("1 · Judge", anchor=False)
    show_judged(one.judgements)
    if one.live is None:
        st.info("This collection holds nothing yet. Load documents first.", icon=":material/folder_open:")
        return
    st.header("2 · Train", anchor=False)
    show_training(app, one)
    show_jobs(app, JobFilter({"train"}, one.name))
    st.header("3 · Re-index", anchor=False)
    show_reindexing(app, one)
    show_jobs(app, JobFilter({"reindex", "evaluate"}, one.name))
    st.header("4 · Compare and switch", anchor=False)
    show_generations(app, one.name)
    show_earlier_jobs(app, JobFilter({"train", "reindex", "evaluate"}, one.name))


page()
