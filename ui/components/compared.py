"""Two ways to search on all held-out queries: who is better on how many, as a chart, once the job is done."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui.components.charts import gains
from ui.components.figures import counted

_HEIGHT = 220


def comparison_text(result: Mapping[str, Any]) -> str:
    """The means and the first pair's difference, for people."""
    pair = result["pairs"][0]
    means = ", ".join(f"{run['answered_by']} {run['mean']:.4f}" for run in result["runs"])
    doubt = pair["p_value"]
    chance = "no query differs" if doubt is None else f"p {'< 0.001' if doubt < 0.001 else f'= {doubt:.3f}'}"
    judged = counted(result["query_count"], "judged query", "judged queries")
    return (
        f"{result['metric']} on {judged}: {means}. The second is better on "
        f"{pair['wins']:,}, worse on {pair['losses']:,}, equal on {pair['ties']:,} ({pair['difference']:+.4f}, "
        f"95 % interval {pair['low']:+.4f} to {pair['high']:+.4f}; {chance})."
    )


def show_comparison(result: Mapping[str, Any], key: str) -> None:
    """A bar for each query that the two answer differently, and the queries that moved most."""
    pair = result["pairs"][0]
    before, after = result["values"][pair["first"]], result["values"][pair["second"]]
    changes = ((query, after[query] - value) for query, value in before.items())
    moved = sorted(((query, change) for query, change in changes if change), key=lambda row: -row[1])
    if not moved:
        return
    name = f"change of {result['metric']}"
    st.echarts_chart(gains(moved, name), height=_HEIGHT, key=f"compared-{key}", alt=comparison_text(result))
    with st.expander("The queries that moved most", type="compact"):
        rows = [{"query": one["query"], "before": one["before"], "after": one["after"]} for one in pair["moved"]]
        st.dataframe(rows, hide_index=True, key=f"compared-rows-{key}")
