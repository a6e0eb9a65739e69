"""Long work: a process of its own with durable progress, that can be cancelled and run again.

A job is a row of the catalogue (kind, arguments, state, process) and a folder (log, progress, checkpoints).
The same `run` serves the command line, in its own process, and the web page, in a spawned one.
A job whose process is dead but whose row says "running" was interrupted; whoever looks first writes that down.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from ingest.errors import TwinsearchError
from ingest.progress import Pace, Progress, Report
from search_app.catalog import Catalog
from search_app.catalog.jobs import Job, JobState
from search_app.config import Home
from search_app.errors import Cancelled, UsageError
from search_app.liveness import began, lives
from search_app.locks import held_for
from search_app.stopping import stop_signals

Result = TypeVar("Result")

_PROGRESS_INTERVAL_SECONDS = 0.25  # four writes a second are enough for a page that polls
_LISTED = 100  # jobs, the newest: a running one is among them
_LOG_TAIL_BYTES = 64 * 1024
_UNFINISHED = (JobState.INTERRUPTED, JobState.CANCELLED, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress last written down; rate in units a second, `eta_seconds` None while unknown."""

    stage: str
    done: int
    total: int | None
    unit: str
    rate: float | None
    eta_seconds: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job and how far it has come."""

    job: Job
    progress: JobProgress | None


class Jobs:
    """The jobs of one home."""

    def __init__(self, catalog: Catalog, home: Home, *, milvus_uri: str, niceness: int) -> None:
        self._catalog = catalog
        self._home = home
        self._milvus_uri = milvus_uri
        self._niceness = niceness

    def folder(self, job_id: str) -> Path:
        """The job's own folder, made when it is asked for."""
        folder = self._home.jobs_folder / job_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def take_up(self, kind: str, request: Any) -> Job:
        """The newest job that was stopped in the middle of this very request, else a new one; queued.

        One that was refused before it did anything, as beside another that did the same, comes after those.
        """
        arguments = as_json(request)
        known = map(self._viewed, self._catalog.jobs.not_done(kind, request.collection))
        stopped = [one for one in known if one.job.arguments == arguments and one.job.state in _UNFINISHED]
        if not stopped:
            return self._taken(self._catalog.jobs.create(kind, request.collection, arguments))
        begun = next((one for one in stopped if one.progress is not None), stopped[0])
        return self._taken(self._catalog.jobs.queue(begun.job.id))

    def again(self, job_id: str) -> Job:
        """The job, queued again.

        Raises:
            UsageError: It is running, waiting to run, or done.
        """
        job = self.view(job_id).job
        if job.state not in _UNFINISHED:
            raise UsageError(f"Job {job_id} is {job.state.value}; only one that was stopped or failed can go on.")
        return self._taken(self._catalog.jobs.queue(job.id))

    def run(self, job: Job, work: Callable[[Report], Result], *, listen: Report) -> Result:
        """Does the work in this process and writes down how it goes and ends.

        The first SIGINT or SIGTERM stops the work at the next edge of a batch, the second at once.

        Raises:
            UsageError: The job isn't queued; one that was cancelled before its process came to it is not run.
            Cancelled: The work was stopped.
            TwinsearchError: As the work raises it; the job is written down as failed before.
        """
        self._refuse_ended(job.id)
        self._catalog.jobs.start(job.id, os.getpid(), began(os.getpid()))
        written = _WrittenProgress(self.folder(job.id) / "progress.json")
        try:
            with stop_signals() as stop, held_for(job.id, job.kind):
                result = work(_chain(stop.check, written, listen))
            written.close()
        except (Cancelled, KeyboardInterrupt) as error:
            self._catalog.jobs.finish(job.id, JobState.CANCELLED, message=str(error) or "Stopped at once.")
            raise
        except TwinsearchError as error:
            self._catalog.jobs.finish(job.id, JobState.FAILED, message=str(error))
            raise
        except BaseException as error:  # a fault of ours: the row must not say "running" for ever
            self._catalog.jobs.finish(job.id, JobState.FAILED, message=f"{type(error).__name__}: {error}")
            raise
        self._catalog.jobs.finish(job.id, JobState.DONE, result=as_json(result))
        return result

    def spawn(self, job: Job, *, user: str) -> None:
        """Starts a process that runs the job in a user's name and outlives this one; its output is the job's log."""
        command = [sys.executable, "-m", "search_app.cli", "jobs", "run", job.id, "--home", str(self._home.path)]
        if self._milvus_uri:
            command += ["--milvus-uri", self._milvus_uri]
        with (self.folder(job.id) / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "TWINSEARCH_USER": user},
            )
        self._catalog.jobs.hand_over(job.id, process.pid, began(process.pid))
        _yield_to_searches(process.pid, self._niceness)
        threading.Thread(target=process.wait, daemon=True).start()  # no zombie while this process lives

    def view(self, job_id: str) -> JobView:
        """One job as it stands.

        Raises:
            UnknownJob: No job has this id.
        """
        return self._viewed(self._catalog.jobs.get(job_id))

    def views(self, limit: int = _LISTED) -> list[JobView]:
        """The newest jobs first."""
        return [self._viewed(job) for job in self._catalog.jobs.list(limit)]

    def cancel(self, job_id: str) -> Job:
        """Asks a running job to stop at the next edge of a batch; a queued one never starts.

        Raises:
            UnknownJob: No job has this id.
            UsageError: The job has ended already.
        """
        job = self.view(job_id).job
        if job.state is JobState.QUEUED:
            self._catalog.jobs.finish(job.id, JobState.CANCELLED, message="Cancelled before it began.")
        elif job.state is JobState.RUNNING and job.pid:
            with suppress(ProcessLookupError):  # it ended this very moment
                os.kill(job.pid, signal.SIGINT)
        else:
            raise UsageError(f"Job {job.id} has ended already ({job.state.value}); there is nothing to cancel.")
        return self.view(job_id).job

    def log(self, job_id: str) -> str:
        """The end of what the job's process printed; empty for a job of the command line."""
        path = self.folder(self._catalog.jobs.get(job_id).id) / "log"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _LOG_TAIL_BYTES, 0))
            return file.read().decode("utf-8", "replace")

    def _taken(self, job: Job) -> Job:
        """The queued job, in the hands of this process until another begins it."""
        return self._catalog.jobs.hand_over(job.id, os.getpid(), began(os.getpid()))

    def _refuse_ended(self, job_id: str) -> None:
        job = self._catalog.jobs.get(job_id)
        if job.state.is_end:
            raise UsageError(f"Job {job_id} is {job.state.value}. `twinsearch jobs resume {job_id}` starts it again.")

    def _viewed(self, job: Job) -> JobView:
        if not job.state.is_end and job.pid is not None and not lives(job.pid, job.pid_started):
            message = f"Its process {job.pid} ended without a word; `twinsearch jobs resume {job.id}` goes on."
            self._catalog.jobs.finish(job.id, JobState.INTERRUPTED, message=message)
            job = self._catalog.jobs.get(job.id)
        return JobView(job, _read_progress(self.folder(job.id) / "progress.json"))


def stopped_by_crashes(views: Sequence[JobView]) -> list[JobView]:
    """Of jobs, the newest first, those that a crash stopped, unless another of the kind and collection came later."""
    newest: dict[tuple[str, str | None], JobView] = {}
    for view in views:
        newest.setdefault((view.job.kind, view.job.collection), view)
    return [view for view in newest.values() if view.job.state is JobState.INTERRUPTED]


def _yield_to_searches(pid: int, niceness: int) -> None:
    """Lets a job's process wait for whoever searches; on Windows it stays as it is.

    A process is nice to those of its session alone where Linux divides the processor among sessions, so its session is
    made nice as well. Source: sched(7), autogroups.
    """
    if hasattr(os, "setpriority"):
        with suppress(ProcessLookupError):  # it has ended already
            own = os.getpriority(os.PRIO_PROCESS, pid)  # it may have been started nicer; only root makes it less so
            os.setpriority(os.PRIO_PROCESS, pid, max(own, niceness))
    with suppress(OSError):  # it has ended, or the system has no such file
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")


def as_json(value: Any) -> Any:
    """A record as plain dictionaries, lists, strings and numbers."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    return str(value)


class _WrittenProgress:
    """A `Report` that keeps the newest progress in a file which is always whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pace = Pace()
        self._written_at = 0.0
        self._newest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        is_new_stage = self._newest is None or self._newest.stage != progress.stage
        self._newest = progress
        if is_new_stage or time.monotonic() - self._written_at >= _PROGRESS_INTERVAL_SECONDS:
            self._write(progress)

    def close(self) -> None:
        """Writes the last progress, however recent the one before."""
        if self._newest is not None:
            self._write(self._newest)

    def _write(self, progress: Progress) -> None:
        self._written_at = time.monotonic()
        rate, eta_seconds = self._pace.rate(progress), self._pace.eta_seconds(progress)
        shown = asdict(progress)
        line = JobProgress(**shown, rate=rate, eta_seconds=eta_seconds)
        aside = self._path.with_suffix(".new")
        aside.write_text(json.dumps(asdict(line)), encoding="utf-8")
        aside.replace(self._path)


def _read_progress(path: Path) -> JobProgress | None:
    try:
        return JobProgress(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none yet, or one that a power cut emptied
        return None


def _chain(*listeners: Report) -> Report:
    def report(progress: Progress) -> None:
        for listener in listeners:
            listener(progress)

    return report
