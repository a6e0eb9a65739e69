"""The gate's verdict on a generation: what it decided and why, and which held-out queries gained or lost."""

import streamlit as st

from search_app.evaluation import GATE_METRIC
from search_app.gate.verdict import Verdict
from ui.components.charts import gains
from ui.components.figures import counted
from ui.components.text import plain

_QUERIES_LISTED = 50
_METRIC = "How near to the top of the first ten hits the answers are: 1 is as good as can be, 0 is none of them."


def show_verdict(verdict: Verdict, *, key: str) -> None:
    """The decision with its figures, a bar for each query that moved, and the queries themselves."""
    before, after = (one.metrics[GATE_METRIC] for one in (verdict.live, verdict.candidate))
    left, middle, right = st.columns(3)
    left.metric(f"{GATE_METRIC}, was {before:.3f}", f"{after:.3f}", f"{after - before:+.3f}", help=_METRIC)
    middle.metric("Queries better", f"{verdict.wins:,}")
    right.metric("Queries worse", f"{verdict.losses:,}", help=f"As before: {verdict.ties:,}.")
    st.markdown(plain(verdict.sentence))
    guarded = [f"Guarded: {one.text}." for one in verdict.guards]
    if told := " ".join([verdict.advice, *guarded]).strip():
        st.caption(plain(told))
    moved = [*verdict.moved(gained=True), *reversed(verdict.moved(gained=False))]
    if not moved:
        return
    spec = gains([(query, after - before) for query, before, after in moved], f"change of {GATE_METRIC}")
    st.echarts_chart(
        spec,
        height=220,
        key=f"moved-{key}",
        alt=f"{counted(verdict.wins, 'query', 'queries')} gained, {verdict.losses} lost",
    )
    with st.expander("The queries that moved", type="compact"):
        most = sorted(moved, key=lambda row: -abs(row[2] - row[1]))[:_QUERIES_LISTED]
        rows = [
            {"query": query, "before": round(was, 3), "after": round(now, 3), "change": round(now - was, 3)}
            for query, was, now in most
        ]
        st.dataframe(rows, hide_index=True, key=f"moved-rows-{key}")
