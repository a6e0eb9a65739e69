"""What a collection's judgements amount to."""

import streamlit as st

from search_app.catalog.judgements import JudgementCounts, Split
from search_app.feedback import GRADES

_FEW_QUERIES = 20  # below this, chance decides what a comparison says


def show_judged(counts: JudgementCounts) -> None:
    """How many judgements there are, of how many queries, and what they are for."""
    left, middle, right = st.columns(3)
    left.metric("Judgements", f"{counts.judgement_count:,}", help=grades_text(counts))
    middle.metric("Queries to learn from", f"{counts.query_counts[Split.TRAIN]:,}")
    right.metric(
        "Queries held out",
        f"{counts.query_counts[Split.HELDOUT]:,}",
        help="The gate compares generations on these. Nothing is ever learned from them.",
    )
    if advice := judging_advice(counts):
        st.info(advice, icon=":material/thumb_up:")


def grades_text(counts: JudgementCounts) -> str:
    """How often each grade was given."""
    return ", ".join(f"{counts.grade_counts[grade]:,} × {meaning}" for grade, meaning in GRADES.items())


def judging_advice(counts: JudgementCounts) -> str:
    """What to do when there are few judgements; empty when there are enough."""
    if counts.query_counts[Split.TRAIN] == 0:
        return "Nothing to learn from yet. Search, and judge the hits with a thumb; one query in four is held out."
    if counts.query_counts[Split.HELDOUT] < _FEW_QUERIES:
        return f"Below {_FEW_QUERIES} held-out queries a comparison is mostly chance. Judge more hits first."
    return ""
