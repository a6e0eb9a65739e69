"""The review list: passages that may be answers though nobody judged them, one after the other."""

from functools import partial

import streamlit as st

from search_app.app import SearchApp
from search_app.reviewing import ReviewEntry
from ui.components.errors import kept
from ui.components.figures import counted
from ui.components.grades import grade_buttons
from ui.components.text import paragraphs, plain

_MOST = 1000


def show_reviews(app: SearchApp, collection: str, *, has_keys: bool) -> None:
    """The most doubtful entry, which the keys 0 to 3 grade if it has them, and how many wait behind it."""
    waiting = app.reviews(collection, limit=_MOST)
    if not waiting:
        return
    st.header("Doubtful passages", anchor=False)
    more = "at least " if len(waiting) == _MOST else ""
    st.caption(f"{more}{counted(len(waiting), 'passage')} may answer a query though nobody judged them.")
    _show_entry(app, waiting[0], has_keys=has_keys)


def _show_entry(app: SearchApp, entry: ReviewEntry, *, has_keys: bool) -> None:
    review = entry.review
    with st.container(border=True, key="review", gap="xsmall"):
        st.markdown(f"Does this answer **{plain(review.query)}**?")
        st.caption(plain(entry.title or review.document_id))
        st.text(paragraphs(entry.text) or "The passage is no longer there.", width="stretch")
        grade_buttons(f"review-{review.id}", partial(_judge, app, review.id), held=None, has_keys=has_keys)
        st.button(
            "Not worth judging", key=f"dismiss-{review.id}", type="tertiary", on_click=_dismiss, args=(app, review.id)
        )


def _judge(app: SearchApp, review_id: int, grade: int) -> None:
    with kept():
        app.judge_review(review_id, grade)


def _dismiss(app: SearchApp, review_id: int) -> None:
    with kept():
        app.dismiss_reviews([review_id])
