"""Why a hit was found, in a dialog: the passage with what its words add, and the scores of both parts."""

import streamlit as st

from search_app.app import SearchApp
from search_app.explain import Explanation, explanation_html
from search_app.search import Hit, SearchResult
from ui.components.errors import told
from ui.components.text import plain

_SHARES_SHOWN = 8
# The classes of `explanation_html`; a share's colour is the page's own green, from faint to strong. On black the
# strongest under a mark still leaves the text 4.5 times as bright as what it stands on.
_STYLE = (
    "<style>.why{white-space:normal;overflow-wrap:anywhere;line-height:1.7}"
    ".why mark{background:rgba(240,180,41,.25);color:inherit;border-radius:3px}"
    ".why .best{font-weight:inherit;border-bottom:2px solid rgba(63,184,173,.9)}"
    + "".join(
        f".why .share-{step}{{background:rgba(63,184,173,{step * 0.08:.2f});border-radius:3px}}" for step in range(1, 6)
    )
    + "</style>"
)


@st.dialog("Why this hit", width="large")
def show_why(app: SearchApp, result: SearchResult, hit: Hit) -> None:
    """The explanation; it costs two passes through the encoder, so it is made when somebody asks."""
    with told():
        with st.spinner("Asking the encoder …"):
            explanation = app.explain(result, hit.rank)
        st.markdown(f"**{plain(hit.title or hit.document_id)}**")
        st.html(f'{_STYLE}<div class="why">{explanation_html(hit, explanation)}</div>')
        st.caption(legend(explanation))
        for line in score_lines(hit, explanation):
            st.markdown(line)
        if explanation.note:
            st.caption(plain(explanation.note))


def legend(explanation: Explanation) -> str:
    """What the colours mean, as far as they occur."""
    parts = ["Green: words that bring the passage near to the query"] if explanation.words else []
    parts += ["yellow: words of the query"] if explanation.marks.text else []
    parts += ["underlined: the sentence that says most of what was asked"] if explanation.sentence else []
    return ", ".join(parts)


def score_lines(hit: Hit, explanation: Explanation) -> list[str]:
    """The score and its parts, in the order in which they come about; Markdown."""
    lines = [f"**Score {hit.score:.3f}**"]
    if explanation.similarity is not None:
        told_of = [
            word for word in explanation.words if any(map(str.isalnum, word.word))
        ]  # signs say nothing to people
        most = sorted(told_of, key=lambda word: -word.share)[:_SHARES_SHOWN]
        shares = ", ".join(f"{plain(word.word)} {word.share:+.3f}" for word in most)
        lines.append(f"Meaning: cosine {explanation.similarity:.3f}, of which {shares}")
    if explanation.word_scores:
        words = ", ".join(f"{plain(word)} {score:.2f}" for word, score in explanation.word_scores.items())
        lines.append(f"Words: BM25 {sum(explanation.word_scores.values()):.2f}, of which {words}")
    return lines
