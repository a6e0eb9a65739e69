"""How a training goes: its loss, and what the examples that were set aside say, drawn again while it runs."""

from collections.abc import Mapping

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.jobs import Job
from search_app.twin.curve import LearningCurve
from ui.components.charts import Points, curves
from ui.components.errors import told

TRAINING_KINDS = frozenset({"train", "learn"})
_HEIGHT = 240


def show_curve(app: SearchApp, job: Job) -> None:
    """The curves of a job that trains; nothing for other jobs, or before the first step."""
    if job.kind not in TRAINING_KINDS:
        return
    with told():
        curve = app.training_curve(job.id)
        if curve is None:
            return
        if not job.state.is_end:
            _draw(curve, job.id)
            return
        with st.expander("How the training went", type="compact"):
            _draw(curve, job.id)


def _draw(curve: LearningCurve, job_id: str) -> None:
    mark = (float(curve.best_step), "kept") if curve.best_step is not None else None
    losses: dict[str, Points] = {"in training": curve.loss, "set aside": curve.held_out.get("loss", ())}
    figures: dict[str, Points] = {name: points for name, points in curve.held_out.items() if name != "loss"}
    left, right = st.columns(2)
    with left:
        _chart({name: points for name, points in losses.items() if points}, "loss", mark, f"curve-loss-{job_id}")
    with right:
        _chart(figures, " ".join(figures), mark, f"curve-figure-{job_id}")
    st.caption("Set aside: examples that are measured on and never learned from. Lower loss is better.")


def _chart(lines: Mapping[str, Points], y_name: str, mark: tuple[float, str] | None, key: str) -> None:
    if lines:
        spec = curves(lines, "step", y_name, mark=mark)
        st.echarts_chart(spec, height=_HEIGHT, key=key, alt=f"{y_name} by step")
