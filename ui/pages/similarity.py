"""Similarity: what the siamese network sees in texts, each beside each."""

import streamlit as st

from search_app.app import SearchApp
from search_app.similarity import Similarity
from ui.components.charts import heat_map
from ui.components.errors import show_kept, told
from ui.components.text import excerpt, one_line, plain
from ui.resources import search_app

_EXAMPLE = "How do I copy a file?\nDuplicate a document\nDelete a folder\nThe weather is fine today"
_MEASURES = {
    None: "Cosine similarity",
    "dot": "Dot product",
    "euclidean": "Euclidean distance",
    "squared-euclidean": "Squared Euclidean distance",
    "manhattan": "Manhattan distance",
}
_NEARNESS = ("similarity", "dot")
_LINES_MOST = 60
_LABEL_CHARACTERS = 40


def page() -> None:
    """Texts, one a line; an encoder and a measure; the matrix."""
    app = search_app()
    show_kept()
    st.title("Similarity", anchor=False)
    st.caption("The encoder reads every line by itself; the picture shows how near each is to each in meaning.")
    written = st.text_area("Texts, one a line", _EXAMPLE, height=160, key="texts", max_chars=20_000)
    left, right = st.columns(2)
    with left:
        encoder = st.selectbox("Encoder", encoder_names(app), key="similarity-encoder")
    with right:
        energy = st.selectbox("Measure", list(_MEASURES), format_func=lambda one: _MEASURES[one], key="measure")
    texts = [line.strip() for line in written.splitlines() if line.strip()]
    if len(texts) > _LINES_MOST:
        st.warning(f"Only the first {_LINES_MOST} of {len(texts):,} lines are shown.")
    with told():
        with st.spinner("Encoding …"):
            found = app.similarity(texts[:_LINES_MOST], encoder=encoder, energy=energy)
        show_similarity(found)


def encoder_names(app: SearchApp) -> list[str]:
    """The encoders that there are, the newest first, with the one of new collections among them."""
    own = [one.name for one in reversed(app.catalog.encoders.list())]
    return own if app.settings.encoder in own else [*own, app.settings.encoder]


def show_similarity(found: Similarity) -> None:
    """The matrix, and what the encoder reads of each text."""
    labels = [f"{number}. {excerpt(one_line(text), _LABEL_CHARACTERS)}" for number, text in enumerate(found.texts, 1)]
    chart = heat_map(labels, found.matrix, is_nearness=found.measure in _NEARNESS)
    st.echarts_chart(chart, height=460, alt="How near every text is to every other")
    rows = [
        {"text": text, "read as": " · ".join(tokens), "tokens": count, "not read": count - len(tokens)}
        for text, tokens, count in zip(found.texts, found.tokens, found.token_counts, strict=True)
    ]
    st.dataframe(rows, hide_index=True)
    st.caption(f"{plain(found.encoder)} · {found.fingerprint[:12]} · reads {found.max_tokens:,} tokens")


page()
