"""Judging a hit with a thumb: at once, as often as one likes, and with a way back.

The catalogue holds what was judged; the session only remembers it for the hits on the page.
"""

from dataclasses import dataclass

import streamlit as st

from search_app.app import SearchApp
from search_app.feedback import GRADES
from search_app.search import SearchResult
from ui.components.errors import kept
from ui.components.focus import focus_hit_again

_GRADES_OF_THUMBS = {0: 0, 1: 2}  # down is "not an answer", up is "answers it"
_HELD = "judgements of the hits shown"
_UNDONE = "document whose judgement was just undone"


@dataclass(frozen=True, slots=True)
class Held:
    """What this person's judgement of a hit is, and its number."""

    judgement_id: int
    grade: int


def read_judgements(app: SearchApp, result: SearchResult) -> None:
    """Remembers what this person said before about this query's documents."""
    st.session_state[_HELD] = {
        one.document_id: Held(one.id, one.grade)
        for one in app.judgements(result.collection, query=result.query)
        if one.user == app.user and one.grade is not None
    }


def thumbs(app: SearchApp, result: SearchResult, rank: int) -> None:
    """Two thumbs for the hit at `rank` and what was noted, for whoever may judge.

    It belongs into a fragment and a horizontal container.
    """
    if not app.may("judge_hit"):
        return
    document_id = _document_at(result, rank)
    key = f"thumbs-{rank}"
    held = st.session_state[_HELD].get(document_id)
    st.session_state[key] = None if held is None else int(held.grade > 0)
    st.feedback("thumbs", key=key, on_change=_take, args=(app, result, rank, key))
    if held is not None:
        st.caption(f"Noted: {GRADES[held.grade]}", width="content")
        st.button("Undo", key=f"undo-{rank}", type="tertiary", on_click=_undo, args=(app, document_id))
    elif st.session_state.pop(_UNDONE, None) == document_id:
        focus_hit_again()  # the button that had it is gone


def _undo(app: SearchApp, document_id: str) -> None:
    _withdraw(app, document_id)
    st.session_state[_UNDONE] = document_id


def _take(app: SearchApp, result: SearchResult, rank: int, key: str) -> None:
    """Writes down the thumb that was clicked; a second click on it takes it back."""
    thumb = st.session_state[key]
    document_id = _document_at(result, rank)
    if thumb is None:
        _withdraw(app, document_id)
        return
    with kept():
        grade = _GRADES_OF_THUMBS[thumb]
        st.session_state[_HELD][document_id] = Held(app.judge_hit(result, rank, grade), grade)


def _withdraw(app: SearchApp, document_id: str) -> None:
    held = st.session_state[_HELD].get(document_id)
    if held is None:
        return
    with kept():
        app.withdraw(held.judgement_id)
        del st.session_state[_HELD][document_id]


def _document_at(result: SearchResult, rank: int) -> str:
    return next(hit.document_id for hit in result.hits if hit.rank == rank)
