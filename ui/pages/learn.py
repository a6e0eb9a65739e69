"""Learn: from judgements to an encoder, from an encoder to a generation, and the gate before the switch."""

import streamlit as st

from search_app.app import SearchApp
from search_app.status import CollectionStatus
from ui.components import address
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.examined import show_examining
from ui.components.generations import show_generations
from ui.components.history import show_history
from ui.components.jobs import JobFilter, show_earlier_jobs, show_jobs
from ui.components.judged import show_judged
from ui.components.training import show_learning, show_reindexing, show_training
from ui.resources import search_app

_STEPS = frozenset({"train", "preview", "reindex", "evaluate"})


def page() -> None:
    """What there is to learn from, the learning itself, and the generations that came of it, for one collection."""
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
    """The judgements, the loop, its steps one at a time, and the generations."""
    st.header("What there is to learn from", anchor=False)
    show_judged(one.judgements)
    if one.live is None:
        st.info("This collection holds nothing yet. Load documents first.", icon=":material/folder_open:")
        return
    show_examining(app, one.name)
    st.header("Learn from it", anchor=False)
    st.caption(
        "Trains an encoder, predicts whether it is better, indexes the collection with it beside the live one, and "
        "switches only if the held-out queries show a gain. Searches go on meanwhile."
    )
    show_learning(app, one)
    show_jobs(app, JobFilter({"learn"}, one.name))
    with st.expander("One step at a time", type="compact", icon=":material/stairs:", key="steps"):
        st.subheader("Train an encoder", anchor=False)
        show_training(app, one)
        st.subheader("Index the collection with it", anchor=False)
        show_reindexing(app, one)
    show_jobs(app, JobFilter(_STEPS, one.name))
    st.header("Generations", anchor=False)
    show_generations(app, one.name)
    show_history(app, one.name)
    show_earlier_jobs(app, JobFilter(_STEPS | {"learn"}, one.name))


page()
