"""What all commands share: their common options, the opened SearchApp, and how they speak.

With --json, stdout holds exactly one JSON value. Progress is drawn on a terminal only, on stderr.
"""

import functools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ingest.progress import Pace, Progress

if TYPE_CHECKING:  # opening the application is left to the command that runs
    from search_app.app import SearchApp
    from search_app.request_kinds import Request

Function = TypeVar("Function", bound=Callable[..., Any])

collection_option = click.option(
    "-c", "--collection", default="docs", show_default=True, metavar="NAME", help="The collection."
)

mode_option = click.option(
    "--mode",
    type=click.Choice(["dense", "lexical", "hybrid"]),
    help="By meaning, by words, or by both (the default).",
)

background_option = click.option(
    "--background", "in_background", is_flag=True, help="As a job that goes on when the terminal is closed."
)


@dataclass(slots=True)
class Shell:
    """The surroundings of one command."""

    home: Path | None
    is_json: bool
    milvus_uri: str | None
    _app: "SearchApp | None" = field(default=None, init=False)

    @property
    def app(self) -> "SearchApp":
        """The opened home."""
        if self._app is None:
            from search_app.app import SearchApp

            self._app = SearchApp.open(self.home, milvus_uri=self.milvus_uri)
        return self._app

    def close(self) -> None:
        """Closes the home if it was opened."""
        if self._app is not None:
            self._app.close()

    def show(self, value: Any, text: Callable[[], str]) -> None:
        """Prints a result: as JSON if that was asked for, else as text."""
        click.echo(to_json(value) if self.is_json else text())

    def begin(self, request: "Request") -> None:
        """Starts long work in a process of its own, and tells how to follow it."""
        job = self.app.jobs.view(self.app.start(request).id).job  # with the process that it runs in now
        follow = f"`twinsearch jobs show {job.id}` tells how far it is, `twinsearch jobs log {job.id}` what it said."
        self.show(job, lambda: f"Job {job.id} has begun. {follow}")

    def work(
        self,
        request: "Request",
        text: Callable[[Any], str],
        *,
        in_background: bool,
        value: Callable[[Any], Any] = lambda outcome: outcome,
    ) -> None:
        """Does long work and prints what came of it, as `text` or as the JSON of `value`; or only starts it."""
        if in_background:
            self.begin(request)
            return
        outcome = self.app.run(request, self.listen())
        self.show(value(outcome), lambda: text(outcome))

    def listen(self) -> Callable[[Progress], None]:
        """A `Report` that draws one line on a terminal, and is silent elsewhere."""
        return _Drawn() if sys.stderr.isatty() else _silent


def to_json(value: Any) -> str:
    """One JSON value, records as objects."""
    from search_app.jobs import as_json

    return json.dumps(as_json(value), ensure_ascii=False, indent=2)


def to_json_line(value: Any) -> str:
    """The same on one line."""
    from search_app.jobs import as_json

    return json.dumps(as_json(value), ensure_ascii=False)


def command(name: str, *, examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a command out of a function whose first argument is the `Shell`, with the options that all share."""

    def _decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def _run(home: Path | None, is_json: bool, is_debug: bool, milvus_uri: str | None, **options: Any) -> Any:
            del is_debug  # read by the door in `search_app.cli`, where the errors end
            shell = Shell(home, is_json, milvus_uri)
            try:
                return function(shell, **options)
            finally:
                shell.close()

        wrapped: Callable[..., Any] = _run
        for option in _COMMON_OPTIONS:
            wrapped = option(wrapped)
        lines = "\n".join(f"  {line}" for line in examples.strip().splitlines())
        return click.command(name, epilog=f"\b\nExamples:\n{lines}")(wrapped)

    return _decorate


_COMMON_OPTIONS = (
    click.option("--debug", "is_debug", is_flag=True, help="Show the traceback of an error."),
    click.option("--milvus-uri", metavar="URI", help="A Milvus server instead of the embedded one."),
    click.option("--json", "is_json", is_flag=True, help="Print one JSON value."),
    click.option("--home", type=click.Path(path_type=Path), metavar="FOLDER", help="Where all state is kept."),
)


def _silent(progress: Progress) -> None:
    del progress


class _Drawn:
    """Draws progress on one line of the terminal, with rate and time to go."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._drawn_at = 0.0

    def __call__(self, progress: Progress) -> None:
        is_last = progress.done == progress.total
        if time.monotonic() - self._drawn_at < 0.1 and not is_last:
            return
        self._drawn_at = time.monotonic()
        end = "\n" if is_last else ""
        click.echo(f"\r\033[K{progress_line(progress, self._pace)}{end}", err=True, nl=False)


def progress_line(progress: Progress, pace: Pace) -> str:
    """For example "encode  512 of 4,000 chunks  13%  88.2/s  39 s to go"."""
    total = f" of {progress.total:,}" if progress.total is not None else ""
    parts = [progress.stage, f"{progress.done:,}{total} {progress.unit}"]
    if progress.total:
        parts.append(f"{progress.done / progress.total:.0%}")
    rate, seconds = pace.rate(progress), pace.eta_seconds(progress)
    if rate is not None:
        parts.append(f"{rate:,.1f}/s")
    if seconds is not None and progress.done != progress.total:
        parts.append(f"{seconds:,.0f} s to go")
    if progress.note:
        parts.append(progress.note)
    return "  ".join(parts)


def with_options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """All these options, in this order, on one command."""

    def _decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return _decorate
