"""How well the index finds what comparing every vector finds; measured when somebody asks."""

import streamlit as st

from search_app.app import SearchApp
from search_app.index_health import IndexHealth
from ui.components.charts import curves
from ui.components.errors import told
from ui.components.figures import counted

_MEASURED = "index health"


def show_health(app: SearchApp, collection: str) -> None:
    """The button, and what it found."""
    st.header("Index", anchor=False)
    if st.button("Measure", icon=":material/speed:", help="Compares a hundred searches with comparing every vector."):
        with told(), st.spinner("Comparing with every vector …"):
            st.session_state[_MEASURED] = app.index_health(collection)
    held = st.session_state.get(_MEASURED)
    if held is not None and held.collection == collection:
        _show(held)


def _show(health: IndexHealth) -> None:
    usual = health.efforts[0]
    left, middle, right = st.columns(3)
    left.metric("Found of the ten nearest", f"{usual.recall:.1%}")
    middle.metric("One search", f"{usual.milliseconds:,.1f} ms")
    right.metric(
        "Vectors", f"{health.row_count:,}", help=f"The catalogue has {counted(health.expected_count, 'chunk')}."
    )
    st.caption(f"{health.kind} · generation {health.generation} · {counted(health.query_count, 'query', 'queries')}")
    points = [(one.milliseconds, one.recall) for one in health.efforts[1:]]
    if points:
        st.echarts_chart(curves({"recall": sorted(points)}, "ms a search", "recall@10"), height=260)
    for is_right, complaint in (
        (health.has_fingerprint, "Milvus' note of the encoder differs from the catalogue's."),
        (health.has_alias, "Other clients are led to another generation."),
        (health.row_count == health.expected_count, "Milvus has not as many vectors as the catalogue has chunks."),
    ):
        if not is_right:
            st.warning(f"{complaint} `twinsearch check --repair` mends it.")
