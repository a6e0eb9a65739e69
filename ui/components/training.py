"""The forms that start the long steps of learning: all of them at once, or one at a time."""

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.collections import slug_of
from search_app.catalog.judgements import Split
from search_app.learning.loop import HELD_OUT_LEAST
from search_app.request_kinds import Request
from search_app.requests import LearnRequest, PreviewRequest, ReindexRequest, TrainRequest
from search_app.status import CollectionStatus
from search_app.twin.corpus_pairs import CORPUS_PAIRS
from ui.components.errors import told
from ui.components.text import plain

LOSSES = ("auto", "in-batch-negatives", "symmetric", "contrastive", "triplet")  # those that fit what judgements teach

_LIVE = "The one that answers now"
_FORESEEN = "re-index asked for, and what it takes"
_AS_NEEDED = "3"  # epochs; the default of `TrainingSettings`
_CORPUS_WAYS = {
    "title": "title → text",
    "heading": "heading → passage",
    "neighbours": "passage → the next one",
    "cloze": "sentence → its passage",
}


def show_learning(app: SearchApp, one: CollectionStatus) -> None:
    """The whole loop with one button; what it needs is said where it isn't there."""
    held_out = one.judgements.query_counts[Split.HELDOUT]
    with st.form("learn", border=False):
        with st.expander("Settings", type="compact"):
            base = _base_box(app, "learn-base")
            left, right = st.columns(2)
            epochs = left.number_input("Epochs", 1, 50, value=None, placeholder=_AS_NEEDED, help=_EPOCHS)
            batch = right.number_input("Batch size", 2, 1024, value=None, placeholder="32", help=_BATCH)
            mine = st.checkbox("Search the collection for hard negatives", key="learn-mine", help=_MINE)
            ways = st.multiselect(
                "Learn from the documents themselves too",
                list(CORPUS_PAIRS),
                format_func=lambda way: _CORPUS_WAYS[way],
                key="learn-corpus",
                help="Pairs that the documents hold by themselves; they help where few judgements do.",
            )
        is_short = held_out < HELD_OUT_LEAST
        if st.form_submit_button("Learn", type="primary", icon=":material/school:", disabled=is_short):
            _start(app, LearnRequest(one.name, None, base, epochs, tuple(ways), mine, batch))
    if is_short:
        st.caption(
            f"To show a gain takes {HELD_OUT_LEAST} held-out queries at the very least; there are {held_out}. "
            "One judged query in four is held out."
        )


def show_training(app: SearchApp, one: CollectionStatus) -> None:
    """Name and settings of a new encoder; a job starts when they are sent."""
    with st.form("train", border=False):
        free = free_name(app, one.name)
        name = st.text_input("Name of the new encoder", value=free, key=f"train-as-{free}")
        with st.expander("Settings", type="compact"):
            base = _base_box(app, "train-base")
            loss = st.selectbox("Loss", LOSSES, help="auto is the usual one for judgements.")
            epochs = st.number_input(
                "Epochs", 1, 50, value=None, placeholder=_AS_NEEDED, key="train-epochs", help=_EPOCHS
            )
            mine = st.checkbox("Search the collection for hard negatives", key="train-mine", help=_MINE)
        if st.form_submit_button("Train", icon=":material/model_training:"):
            _start(app, TrainRequest(name.strip(), one.name, base=base, loss=loss, epochs=epochs, mine=mine))


def free_name(app: SearchApp, collection: str) -> str:
    """A name that no encoder has: the collection's, with the next number."""
    taken = {encoder.name for encoder in app.catalog.encoders.list()}
    taken |= {str(view.job.arguments.get("name")) for view in app.jobs.views()}
    slug = slug_of(collection)
    return next(name for number in range(1, len(taken) + 2) if (name := f"{slug}-{number}") not in taken)


def show_reindexing(app: SearchApp, one: CollectionStatus) -> None:
    """Which encoder fills the next generation: predicted from a part of the documents, or built from all of them."""
    with st.form("reindex", border=False):
        names = _encoder_names(app)
        # a new encoder makes a new box: the old one would keep its choice, and index with what was there before
        encoder = st.selectbox("Encoder", names, key=f"reindex-encoder-{one.name}-{names[:1]}")
        is_switching = st.checkbox("Switch when it is done, if the gate lets it through")
        with st.container(horizontal=True, gap="small"):
            is_building = st.form_submit_button("Re-index", icon=":material/database:")
            is_asking = st.form_submit_button("Preview", icon=":material/online_prediction:", help=_PREVIEW)
    if is_building:
        _foresee(app, ReindexRequest(one.name, encoder, switch=is_switching))
    if is_asking:
        _start(app, PreviewRequest(one.name, encoder))
    asked, sentence = st.session_state.get(_FORESEEN, (None, ""))
    if asked is not None and asked.collection == one.name:
        _show_foreseen(app, asked, sentence)


def _foresee(app: SearchApp, request: ReindexRequest) -> None:
    """Encodes a sample, to tell the time and the disk that the build takes before it begins."""
    with told(), st.spinner("Encoding a sample …"):
        st.session_state[_FORESEEN] = request, app.forecast(request).sentence


def _show_foreseen(app: SearchApp, request: ReindexRequest, sentence: str) -> None:
    with st.container(border=True, key="foreseen", gap="small"):
        st.markdown(plain(sentence))
        with st.container(horizontal=True, gap="small"):
            is_started = st.button("Start", key="reindex-start", type="primary", icon=":material/database:")
            is_dropped = st.button("Not now", key="reindex-drop", type="tertiary")
    if is_started or is_dropped:
        del st.session_state[_FORESEEN]
    if is_started:
        _start(app, request)
    if is_dropped:
        st.rerun()


def _start(app: SearchApp, request: Request) -> None:
    with told():
        app.start(request)
        st.rerun()


def _base_box(app: SearchApp, key: str) -> str | None:
    """The encoder to begin with; None is the live one."""
    chosen = st.selectbox("Begin with", [_LIVE, *_encoder_names(app)], key=key)
    return None if chosen == _LIVE else chosen


def _encoder_names(app: SearchApp) -> list[str]:
    return [encoder.name for encoder in reversed(app.catalog.encoders.list())]


_EPOCHS = "How often every example is seen. More learns more, and forgets more."
_BATCH = "Examples that are told apart from each other; more is better and takes more memory."
_MINE = "Passages that look like answers and are none: the encoder learns most from them."
_PREVIEW = "Encodes a part of the documents and predicts what the gate will say, and what the build will cost."
