"""Commands that look after a home: status, check, engine."""

from typing import TYPE_CHECKING

import click

from search_app.cli.jobs import jobs_table, offers
from search_app.cli.loading import collections_table
from search_app.cli.shell import Shell, command
from search_app.cli.tables import moment
from search_app.errors import DamageFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search_app.checking import CheckReport
    from search_app.engine import EngineStatus
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
    return "\n".join([*parts, *offers(found.jobs)])


def ingest_lines(one: "CollectionStatus") -> "Iterator[str]":
    """How far the last ingest into a collection has come, and what is missing of it."""
    run = one.ingest
    if run is not None:
        stages = ("discovered", "unchanged", "read", "encoded", "written", "committed", "failed")
        counts = ", ".join(f"{getattr(run, stage):,} {stage}" for stage in stages)
        when = f"ended {moment(run.ended_at)}" if run.ended_at else f"begun {moment(run.begun_at)}"
        yield f"{one.name}, last ingest ({when}): {counts}"
    if one.alias_count:
        copies = f"{one.alias_count:,} exact {'copy' if one.alias_count == 1 else 'copies'}"
        yield f"{one.name}: {copies} in other files"
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


for member in (engine_status, start_engine, stop_engine):
    engine.add_command(member)

COMMANDS = (status, check, engine)
