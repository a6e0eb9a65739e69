"""One writer a collection, one who builds a generation of it, one who learns: file locks that hold across processes.

A lock ends with its process, however that ends. Who holds it, and for which job, stands in a file beside it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

import filelock
import psutil

from ingest.progress import Progress, Report, unheard
from search_app.catalog.collections import slug_of
from search_app.errors import CollectionInUse

_JOB = ContextVar("_JOB", default="")  # what the locks of this work are held for: id and kind of a job
_STEP_SECONDS = 1.0


@contextmanager
def held_for(job_id: str, kind: str) -> Iterator[None]:
    """Lets the locks that are taken meanwhile name a job to whoever is refused."""
    before = _JOB.set(f"{job_id} {kind}")
    try:
        yield
    finally:
        _JOB.reset(before)


def writing(
    locks: Path, collection: str, *, wait_seconds: float = 0.0, report: Report = unheard
) -> AbstractContextManager[None]:
    """Holds the collection's writer lock across processes; waits for another writer to end, but not longer.

    Raises:
        CollectionInUse: Another process writes; the sentence names it.
    """
    what = f"Collection {collection!r} is being written to"
    return _holding(locks / f"{slug_of(collection)}.write", what, wait_seconds, report)


def spooling(locks: Path, collection: str, *, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
    """Holds the lock of whoever fills a collection from standard input, which lies in one file until it is taken in.

    Raises:
        CollectionInUse: Another process does so; the sentence names it.
    """
    what = f"Collection {collection!r} is being filled from standard input"
    return _holding(locks / f"{slug_of(collection)}.spool", what, wait_seconds)


def building(locks: Path, collection: str) -> AbstractContextManager[None]:
    """Holds the lock of those who build a generation of the collection; ingest goes on beside it.

    Raises:
        CollectionInUse: Another process builds; the sentence names it.
    """
    return _holding(locks / f"{slug_of(collection)}.build", f"A generation of collection {collection!r} is being built")


def learning(locks: Path, collection: str) -> AbstractContextManager[None]:
    """Holds the lock of those who go from a collection's judgements to its next generation.

    Raises:
        CollectionInUse: Another process does so; the sentence names it.
    """
    return _holding(locks / f"{slug_of(collection)}.learn", f"Collection {collection!r} is being learned from")


def training(locks: Path, encoder: str) -> AbstractContextManager[None]:
    """Holds the lock of whoever trains an encoder of this name.

    Raises:
        CollectionInUse: Another process does so; the sentence names it.
    """
    return _holding(locks / f"{slug_of(encoder)}.train", f"Encoder {encoder!r} is being trained")


@contextmanager
def _holding(path: Path, what: str, wait_seconds: float = 0.0, report: Report = unheard) -> Iterator[None]:
    owner = path.with_name(f"{path.name}.owner")
    lock = filelock.FileLock(path)
    try:
        _acquire(lock, wait_seconds, report)
    except filelock.Timeout as error:
        raise CollectionInUse(f"{what} by {_read_owner(owner)}") from error
    try:
        owner.write_text(f"{os.getpid()} {psutil.Process().create_time()} {_JOB.get()}", encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: filelock.BaseFileLock, wait_seconds: float, report: Report) -> None:
    """Takes the lock, and tells every second how long it has waited: whoever listens may stop that."""
    begun = time.monotonic()
    while True:
        left = begun + wait_seconds - time.monotonic()
        try:
            lock.acquire(timeout=max(0.0, min(_STEP_SECONDS, left)))
            return
        except filelock.Timeout:
            if left <= _STEP_SECONDS:
                raise
        report(Progress("wait", round(time.monotonic() - begun), round(wait_seconds), "seconds"))


def _read_owner(path: Path) -> str:
    """Who holds a lock and what can be done about it, to end a sentence."""
    try:
        pid, started, *job = path.read_text(encoding="utf-8").split()
        since = datetime.fromtimestamp(float(started))
    except (FileNotFoundError, ValueError):
        return "another process. Wait until it ends."
    named = f"process {pid}, started {since:%Y-%m-%d %H:%M:%S}. Wait until it ends, or stop "
    if not job:
        return f"{named}that process."
    return f"{named}it with `twinsearch jobs cancel {job[0]}`. It runs job {job[0]} ({' '.join(job[1:])})."
