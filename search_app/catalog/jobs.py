"""What long work was asked for, who does it, and how it ended; its progress and its log are files elsewhere.

`pid_started` is as in `search_app.liveness`: a process with the same pid and another beginning is not the job's.
A job that ended can be started again, which is how work is resumed; one that runs can't be started twice.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from search_app.catalog.store import Store
from search_app.catalog.tables import jobs
from search_app.errors import CatalogError, UnknownJob


class JobState(StrEnum):
    """Where a job is; all but the first two are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_end(self) -> bool:
        """Nothing works on the job any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


_NOT_STARTABLE = (JobState.RUNNING, JobState.DONE)


@dataclass(frozen=True, slots=True)
class Job:
    """Work in a process of its own; `message` is the sentence that a person is shown about its end."""

    id: str
    kind: str
    collection: str | None
    arguments: Mapping[str, Any]
    state: JobState
    pid: int | None
    pid_started: float | None
    message: str
    result: Mapping[str, Any] | None
    created_at: float
    started_at: float | None
    finished_at: float | None


def _record(row: Row[Any]) -> Job:
    return Job(**(dict(row._mapping) | {"state": JobState(row.state)}))


class Jobs:
    """The jobs of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, kind: str, collection: str | None, arguments: Mapping[str, Any]) -> Job:
        """A queued job."""
        job_id = secrets.token_hex(6)
        row = {
            "id": job_id,
            "kind": kind,
            "collection": collection,
            "arguments": dict(arguments),
            "state": JobState.QUEUED.value,
            "message": "",
            "created_at": time.time(),
        }
        with self._store.writing() as connection:
            connection.execute(insert(jobs), row)
            return _require(connection, job_id)

    def queue(self, job_id: str) -> Job:
        """The job, waiting to run again; what it said about its end is forgotten.

        Raises:
            CatalogError: It runs, or is done.
            UnknownJob: There is no such job.
        """
        with self._store.writing() as connection:
            job = _require(connection, job_id)
            if job.state in _NOT_STARTABLE:
                raise CatalogError(f"Job {job_id} can't be queued again: it is {job.state.value}. Ask for a new one.")
            values = {"state": JobState.QUEUED.value, "message": "", "pid": None, "finished_at": None}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))
            return _require(connection, job_id)

    def hand_over(self, job_id: str, pid: int, pid_started: float) -> Job:
        """The job, which waits for this process; one that no longer waits stays as it is.

        Raises:
            UnknownJob: There is no such job.
        """
        waits = (jobs.c.id == job_id) & (jobs.c.state == JobState.QUEUED.value)
        with self._store.writing() as connection:
            connection.execute(update(jobs).where(waits).values(pid=pid, pid_started=pid_started))
            return _require(connection, job_id)

    def start(self, job_id: str, pid: int, pid_started: float) -> Job:
        """The job, running in this process.

        Raises:
            CatalogError: It runs already, or is done.
            UnknownJob: There is no such job.
        """
        with self._store.writing() as connection:
            job = _require(connection, job_id)
            if job.state in _NOT_STARTABLE:
                raise CatalogError(f"Job {job_id} can't be started: it is {job.state.value}. Ask for a new one.")
            values = {"state": JobState.RUNNING.value, "pid": pid, "pid_started": pid_started, "message": ""}
            times = {"started_at": time.time(), "finished_at": None}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values | times))
            return _require(connection, job_id)

    def finish(
        self, job_id: str, state: JobState, *, message: str = "", result: Mapping[str, Any] | None = None
    ) -> bool:
        """Note how the job ended; False, and nothing changes, if that was noted before.

        Raises:
            CatalogError: The state is not an end.
            UnknownJob: There is no such job.
        """
        if not state.is_end:
            raise CatalogError(f"A job can't end as {state.value}. Use done, failed, cancelled or interrupted.")
        with self._store.writing() as connection:
            if _require(connection, job_id).state.is_end:
                return False
            values = {"state": state.value, "message": message, "finished_at": time.time(), "result": result}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))
            return True

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            UnknownJob: There is none.
        """
        with self._store.reading() as connection:
            return _require(connection, job_id)

    def delete(self, job_id: str) -> None:
        """Forget the job; its files stay."""
        with self._store.writing() as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def not_done(self, kind: str, collection: str | None) -> tuple[Job, ...]:
        """The jobs of a kind for a collection that have not done what they were asked for, newest first."""
        own = (jobs.c.kind == kind, jobs.c.collection == collection, jobs.c.state != JobState.DONE.value)
        with self._store.reading() as connection:
            rows = connection.execute(select(jobs).where(*own).order_by(jobs.c.created_at.desc(), jobs.c.id))
            return tuple(_record(row) for row in rows)

    def list(self, limit: int = 50) -> tuple[Job, ...]:
        """The jobs asked for last, newest first."""
        with self._store.reading() as connection:
            rows = connection.execute(select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit))
            return tuple(_record(row) for row in rows)


def _require(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise UnknownJob(f"There is no job {job_id!r}. `twinsearch jobs list` shows those that there are.")
    return _record(row)
