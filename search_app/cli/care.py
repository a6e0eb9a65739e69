"""Commands that look after a home: status, check, jobs, engine."""

from typing import TYPE_CHECKING

import click

from search_app.cli.loading import collections_table
from search_app.cli.shell import Shell, command
from search_app.cli.tables import moment, table
from search_app.errors import DamageFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search_app.checking import CheckReport
    from search_app.engine import EngineStatus
    from search_app.jobs import JobView
    from search_app.status import CollectionStatus, Status


@command("status", examples="twinsearch status --json")
def status(shell: Shell) -> None:
    """Show collections, generations, running jobs and the engine."""
    found = shell.app.status()
    shell.show(found, lambda: status_text(found))


def status_text(found: "Status") -> str:
    """Home, collections, then what is going on."""
    milvus = f"Milvus server {found.milvus_uri}" if found.engine is None else engine_text(found.engine)
    parts = [f"home {found.home}", milvus, "", collections_table(found.collections)]
    parts += [line for one in found.collections for line in ingest_lines(one)]
    active = [view for view in found.jobs if not view.job.state.is_end]
    if active:
        parts += ["", jobs_table(active)]
    return "\n".join(parts)


def ingest_lines(one: "CollectionStatus") -> "Iterator[str]":
    """How far the last ingest into a collection has come, and what is missing of it."""
    run = one.ingest
    if run is not None:
        stages = ("discovered", "unchanged", "read", "encoded", "written", "committed", "failed")
        counts = ", ".join(f"{getattr(run, stage):,} {stage}" for stage in stages)
        when = f"ended {moment(run.ended_at)}" if run.ended_at else f"begun {moment(run.begun_at)}"
        yield f"{one.name}, last ingest ({when}): {counts}"
    if one.alias_count:
        yield f"{one.name}: {one.alias_count:,} exact copies in other files"
    if one.truncated_tokens:
        lost = f"{one.truncated_tokens:,} tokens that the encoder doesn't see"
        yield f"{one.name}: {lost}; `twinsearch documents list -c {one.name} --truncated` shows where"
    if one.failed_files:
        files = f"{len(one.failed_files):,} file{'' if len(one.failed_files) == 1 else 's'}"
        yield f"{one.name}: not all of {files} went in; `twinsearch documents failed -c {one.name}` tells why"
    if one.unfinished:
        yield one.unfinished


@command("check", examples="twinsearch check --repair")
@click.option("--repair", is_flag=True, help="Mend Milvus from the catalogue.")
def check(shell: Shell, repair: bool) -> None:
    """Compare the catalogue with Milvus and the encoders; ends with 6 if something is wrong."""
    report = shell.app.check(is_repairing=repair, report=shell.listen())
    shell.show(report, lambda: check_text(report))
    if report.remaining:
        remedy = "It can't be mended from the catalogue." if repair else "`twinsearch check --repair` mends it."
        raise DamageFound(f"{len(report.remaining)} things are not as they should be. {remedy}")


def check_text(report: "CheckReport") -> str:
    """A line for each finding."""
    lines = [f"mended: {one.collection}, generation {one.generation}: {one.problem}" for one in report.mended]
    lines += [f"damage: {one.collection}, generation {one.generation}: {one.problem}" for one in report.remaining]
    return "\n".join(lines) or "Everything is as it should be."


@click.group("jobs")
def jobs() -> None:
    """List, show, cancel or resume long work."""


@command("list", examples="twinsearch jobs list")
def list_jobs(shell: Shell) -> None:
    """Show the newest jobs first."""
    views = shell.app.jobs.views()
    shell.show(views, lambda: jobs_table(views))


@command("show", examples="twinsearch jobs show 3f9a0c1b2d4e")
@click.argument("job_id")
def show_job(shell: Shell, job_id: str) -> None:
    """Show one job: what it was asked for, how far it is, how it ended."""
    view = shell.app.jobs.view(job_id)
    shell.show(view, lambda: f"{jobs_table([view])}\n{view.job.message}".rstrip())


@command("log", examples="twinsearch jobs log 3f9a0c1b2d4e")
@click.argument("job_id")
def log_job(shell: Shell, job_id: str) -> None:
    """Print the end of what a job's process said."""
    log = shell.app.jobs.log(job_id)
    shell.show({"log": log}, lambda: log)


@command("cancel", examples="twinsearch jobs cancel 3f9a0c1b2d4e")
@click.argument("job_id")
def cancel_job(shell: Shell, job_id: str) -> None:
    """Stop a job at the end of its batch; what it did so far stays."""
    job = shell.app.jobs.cancel(job_id)
    shell.show(job, lambda: f"Job {job_id} was asked to stop.")


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
    from search_app.requests import request_of

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


def _progress(view: "JobView") -> str:
    progress = view.progress
    if progress is None:
        return "-"
    total = f" of {progress.total:,}" if progress.total is not None else ""
    return f"{progress.stage} {progress.done:,}{total} {progress.unit}"


@click.group("engine")
def engine() -> None:
    """Look after the embedded Milvus."""


@command("status", examples="twinsearch engine status")
def engine_status(shell: Shell) -> None:
    """Show whether the embedded Milvus runs, and how large its data is."""
    found = shell.app.engine.status()
    shell.show(found, lambda: engine_text(found))


@command("start", examples="twinsearch engine start")
def start_engine(shell: Shell) -> None:
    """Start the embedded Milvus; every command that needs it does so by itself."""
    shell.app.engine.address()
    found = shell.app.engine.status()
    shell.show(found, lambda: engine_text(found))


@command("stop", examples="twinsearch engine stop")
def stop_engine(shell: Shell) -> None:
    """Stop the embedded Milvus; the next command that needs it starts it again."""
    was_running = shell.app.engine.stop()
    shell.show(
        {"stopped": was_running},
        lambda: "The engine is stopped." if was_running else "No engine was running.",
    )


def engine_text(found: "EngineStatus") -> str:
    """One line about the embedded Milvus."""
    size = f"{found.data_bytes / 1e6:,.1f} MB of data"
    if not found.running:
        return f"embedded Milvus: not running, {size}"
    return f"embedded Milvus: process {found.pid} since {moment(found.started_at)}, {size}"


for group, members in (
    (jobs, (list_jobs, show_job, log_job, cancel_job, resume_job, run_job)),
    (engine, (engine_status, start_engine, stop_engine)),
):
    for member in members:
        group.add_command(member)

COMMANDS = (status, check, jobs, engine)
