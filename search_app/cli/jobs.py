"""Commands about long work: jobs list, show, log, cancel, resume, run."""

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, command
from search_app.cli.tables import moment, table

if TYPE_CHECKING:  # opening the application is left to the command that runs
    from collections.abc import Iterator, Sequence

    from search_app.catalog.jobs import Job
    from search_app.jobs import JobView


@click.group("jobs")
def jobs() -> None:
    """List, show, cancel or resume long work."""


@command("list", examples="twinsearch jobs list")
def list_jobs(shell: Shell) -> None:
    """Show the newest jobs first."""
    views = shell.app.jobs.views()
    shell.show(views, lambda: "\n".join([jobs_table(views), *_hints(views)]))


@command("show", examples="twinsearch jobs show 3f9a0c1b2d4e")
@click.argument("job_id")
def show_job(shell: Shell, job_id: str) -> None:
    """Show one job: what it was asked for, how far it is, how it ended."""
    view = shell.app.jobs.view(job_id)
    shell.show(
        view, lambda: "\n".join([jobs_table([view]), f"Asked for: {_asked(view.job)}.", view.job.message]).rstrip()
    )


@command("log", examples="twinsearch jobs log 3f9a0c1b2d4e")
@click.argument("job_id")
def log_job(shell: Shell, job_id: str) -> None:
    """Print the end of what a job's process said."""
    log = shell.app.jobs.log(job_id)
    silence = (
        f"Nothing was said here so far; what is begun in a terminal speaks there. `twinsearch jobs show {job_id}` "
        "tells how it stands."
    )
    shell.show({"log": log}, lambda: log.rstrip() or silence)


@command("cancel", examples="twinsearch jobs cancel 3f9a0c1b2d4e")
@click.argument("job_id")
def cancel_job(shell: Shell, job_id: str) -> None:
    """Stop a job at the end of its batch; what it did so far stays."""
    job = shell.app.jobs.cancel(job_id)
    shell.show(job, lambda: f"Job {job_id} was asked to stop. `twinsearch jobs resume {job_id}` lets it go on later.")


@command("resume", examples="twinsearch jobs resume 3f9a0c1b2d4e")
@click.argument("job_id")
def resume_job(shell: Shell, job_id: str) -> None:
    """Start a job again that was stopped or failed; what it did before stays done."""
    job = shell.app.resume(job_id)
    shell.show(job, lambda: f"Job {job_id} goes on. `twinsearch jobs show {job_id}` tells how far it is.")


@command("run", examples="twinsearch jobs run 3f9a0c1b2d4e")
@click.argument("job_id")
def run_job(shell: Shell, job_id: str) -> None:
    """Run a queued job in this process; the web page starts its jobs so."""
    from search_app.cli.outcomes import TEXTS
    from search_app.request_kinds import request_of

    job = shell.app.jobs.view(job_id).job
    result = shell.app.run_job(job, shell.listen())
    request = request_of(job.kind, job.arguments)
    shell.show(result, lambda: f"{TEXTS[job.kind](request, result)}\nJob {job_id} is done.")


def jobs_table(views: "Sequence[JobView]") -> str:
    """One row a job."""
    rows = [
        (
            view.job.id,
            view.job.kind,
            view.job.collection or "-",
            view.job.state.value,
            _progress(view),
            moment(view.job.created_at),
        )
        for view in views
    ]
    return table(("job", "kind", "collection", "state", "progress", "asked for"), rows)


def offers(views: "Sequence[JobView]") -> "Iterator[str]":
    """How those go on that a crash has stopped."""
    from search_app.jobs import stopped_by_crashes

    for view in stopped_by_crashes(views):
        yield f"Job {view.job.id} ({view.job.kind}) was stopped in the middle. {view.job.message}"


def _hints(views: "Sequence[JobView]") -> "Iterator[str]":
    yield from offers(views)
    if any(view.job.state.value in ("failed", "cancelled") for view in views):
        yield "`twinsearch jobs show JOB` tells why one failed or was cancelled."


def _progress(view: "JobView") -> str:
    progress = view.progress
    if progress is None:
        return "-"
    total = f" of {progress.total:,}" if progress.total is not None else ""
    so_far = f"{progress.stage} {progress.done:,}{total} {progress.unit}"
    if view.job.state.is_end:
        return so_far
    rate = f", {progress.rate:,.1f}/s" if progress.rate is not None else ""
    left = f", {progress.eta_seconds:,.0f} s to go" if progress.eta_seconds is not None else ""
    return f"{so_far}{rate}{left}"


def _asked(job: "Job") -> str:
    """The request, without what was left as usual."""
    from search_app.request_kinds import KINDS

    known = fields(KINDS[job.kind]) if job.kind in KINDS else ()  # a later version may have asked for other work
    usual = {one.name: list(one.default) if one.default == () else one.default for one in known}
    given = {name: value for name, value in job.arguments.items() if name == "collection" or value != usual.get(name)}
    return ", ".join(name if value is True else f"{name} {_plain(value)}" for name, value in given.items())


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


for member in (list_jobs, show_job, log_job, cancel_job, resume_job, run_job):
    jobs.add_command(member)

COMMANDS = (jobs,)
