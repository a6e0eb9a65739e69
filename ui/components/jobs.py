"""Long work as it goes on, read from the catalogue: a reload of the page loses nothing.

The cards of active jobs are drawn again every second; when one of them ends or goes on, so is the whole page.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.jobs import Job, JobState
from search_app.jobs import JobProgress, JobView
from search_app.request_kinds import KINDS
from ui.components.compared import show_comparison
from ui.components.curves import show_curve
from ui.components.errors import kept, show_kept
from ui.components.figures import duration, moment
from ui.components.ledger import as_csv
from ui.components.outcomes import failures, outcome_text
from ui.components.text import plain

_POLL_SECONDS = 1.0
_FRESH_SECONDS = 600  # so long a job that is done stays among those in sight
_EARLIER_SHOWN = 10
_FAILURES_SHOWN = 100

_EVERY_KIND = frozenset(KINDS)

_BADGES = {
    JobState.QUEUED: ("starting", "gray"),
    JobState.RUNNING: ("running", "primary"),
    JobState.DONE: ("done", "green"),
    JobState.FAILED: ("failed", "red"),
    JobState.CANCELLED: ("stopped", "gray"),
    JobState.INTERRUPTED: ("interrupted", "orange"),
}
_CAN_GO_ON = (JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a page shows; `collection` None means those of all collections."""

    kinds: Collection[str]
    collection: str | None = None

    def passes(self, job: Job) -> bool:
        """Whether the job is one of them."""
        return job.kind in self.kinds and self.collection in (None, job.collection)


def show_jobs(app: SearchApp, wanted: JobFilter) -> None:
    """Cards of the jobs, polled as long as one of them is active."""
    active = frozenset(_active(_chosen(app, wanted)))
    st.fragment(_draw, run_every=_POLL_SECONDS if active else None)(app, wanted, active)


def _draw(app: SearchApp, wanted: JobFilter, active_before: frozenset[str]) -> None:
    views = _chosen(app, wanted)
    if _active(views) != active_before:  # one has ended, or one that was stopped goes on and has to be polled
        st.rerun()
    show_kept()
    for view in views:
        if is_fresh(view.job, time.time()):
            show_job(app, view)


def has_active(app: SearchApp, wanted: JobFilter) -> bool:
    """Whether one of the jobs goes on; when it ends, `show_jobs` draws the whole page again."""
    return bool(_active(_chosen(app, wanted)))


def show_earlier_jobs(app: SearchApp, wanted: JobFilter) -> None:
    """The jobs that ended a while ago, out of the way."""
    earlier = [view for view in _chosen(app, wanted) if not is_fresh(view.job, time.time())][:_EARLIER_SHOWN]
    if earlier:
        with st.expander("Earlier jobs", type="compact"):
            for view in earlier:
                show_job(app, view)


def show_all_jobs(app: SearchApp) -> None:
    """Every job of the home, the newest first, each with what its process said."""
    views = app.jobs.views()
    if not views:
        st.caption("No job was started yet.")
    show_jobs(app, JobFilter(_EVERY_KIND))
    for view in [view for view in views if not is_fresh(view.job, time.time())][:_EARLIER_SHOWN]:
        show_job(app, view)
    if views:
        chosen = st.selectbox(
            "Log of",
            [view.job.id for view in views],
            format_func=lambda job_id: _log_label(views, job_id),
            key="log-of",
        )
        st.code(app.job_log(chosen) or "This job wrote no log.", language=None, wrap_lines=True, height=240)


def _log_label(views: Collection[JobView], job_id: str) -> str:
    job = next(view.job for view in views if view.job.id == job_id)
    return f"{moment(job.created_at)} · {job.kind} {job.collection or ''} · {job.state.value}"


def is_fresh(job: Job, now: float) -> bool:
    """Whether the job goes on, or ended a moment ago."""
    return job.finished_at is None or not job.state.is_end or now - job.finished_at < _FRESH_SECONDS


def _chosen(app: SearchApp, wanted: JobFilter) -> list[JobView]:
    return [view for view in app.jobs.views() if wanted.passes(view.job)]


def _active(views: Collection[JobView]) -> set[str]:
    return {view.job.id for view in views if not view.job.state.is_end}


def show_job(app: SearchApp, view: JobView) -> None:
    """What was asked for, how far it is, how it ended, and what can be done about it."""
    job = view.job
    label, color = _BADGES[job.state]
    with st.container(border=True, key=f"job-{job.id}", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{job_title(job)}**", width="stretch")
            st.badge(label, color=color)  # type: ignore[arg-type]
        if job.state.is_end:
            _show_end(app, job)
        else:
            _show_progress(app, view)
        show_curve(app, job)


def job_title(job: Job) -> str:
    """For example "Load into docs"; Markdown."""
    collection = plain(job.collection or "")
    titles = {
        "ingest": f"Load into {collection}",
        "train": f"Train {plain(str(job.arguments.get('name', '')))}",
        "reindex": f"Re-index {collection} with {plain(str(job.arguments.get('encoder', '')))}",
        "evaluate": f"Evaluate {collection}",
        "preview": f"Preview of {plain(str(job.arguments.get('encoder', '')))} for {collection}",
        "learn": f"Learn for {collection}",
        "tune": f"Tune {collection}",
        "mine": f"Mine hard negatives in {collection}",
        "compare": f"Compare ways to search {collection}",
        "arrange": f"Draw {collection} by t-SNE",
    }
    return titles.get(job.kind, plain(job.kind))


def _show_progress(app: SearchApp, view: JobView) -> None:
    progress = view.progress if view.job.state is JobState.RUNNING else None
    st.progress(progress_share(progress), text=plain(progress_text(progress)))
    st.button("Stop", key=f"stop-{view.job.id}", on_click=_stop, args=(app, view.job.id), icon=":material/stop:")


def progress_share(progress: JobProgress | None) -> float:
    """The part of the stage that is done, 0 to 1; 0 while nobody knows."""
    if progress is None or not progress.total:
        return 0.0
    return min(progress.done / progress.total, 1.0)


def progress_text(progress: JobProgress | None) -> str:
    """For example "encode · 512 of 4,000 chunks · 88.2 a second · 39 s to go"."""
    if progress is None:
        return "Starting …"
    total = f" of {progress.total:,}" if progress.total is not None else ""
    parts = [progress.stage, f"{progress.done:,}{total} {progress.unit}"]
    if progress.rate is not None:
        parts.append(pace_text(progress.rate))
    if progress.eta_seconds is not None and progress.done != progress.total:
        parts.append(f"{duration(progress.eta_seconds)} to go")
    if progress.note:
        parts.append(progress.note)
    return " · ".join(parts)


def pace_text(rate: float) -> str:
    """For example "88.2 a second", or "12.5 s each" for what is slow."""
    return f"{rate:,.1f} a second" if rate >= 1 or rate == 0 else f"{1 / rate:,.1f} s each"


def _show_end(app: SearchApp, job: Job) -> None:
    if job.state is JobState.DONE and job.result is not None:
        st.markdown(plain(outcome_text(job.kind, job.result)))
        if job.kind == "compare":
            show_comparison(job.result, job.id)
    elif job.message:
        st.markdown(plain(job.message))
    st.caption(moment(job.finished_at))
    _show_failures(job)
    if job.state in _CAN_GO_ON:
        st.button("Go on", key=f"resume-{job.id}", on_click=_resume, args=(app, job.id), icon=":material/play_arrow:")


def _show_failures(job: Job) -> None:
    failed = failures(job.result)
    if not failed:
        return
    with st.expander(f"{len(failed):,} failed", type="compact"):
        for source, reason in failed[:_FAILURES_SHOWN]:
            st.markdown(f"**{plain(source)}**  \n{plain(reason)}")
        if len(failed) > _FAILURES_SHOWN:
            st.caption(f"… and {len(failed) - _FAILURES_SHOWN:,} more; the download has all.")
        name = f"{job.collection}-failures.csv"
        st.download_button("Download", as_csv(failed), name, "text/csv", key=f"failures-{job.id}", on_click="ignore")


def _stop(app: SearchApp, job_id: str) -> None:
    with kept():
        app.cancel_job(job_id)


def _resume(app: SearchApp, job_id: str) -> None:
    with kept():
        app.resume(job_id)
