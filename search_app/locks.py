"""One writer a collection, one who builds a generation of it, one who learns: file locks that hold across processes.

A lock ends with its process, however that ends. Who holds it stands in a file beside it.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import filelock
import psutil

from search_app.catalog.collections import slug_of
from search_app.errors import CollectionInUse

CANCEL = "`twinsearch jobs cancel`"  # in the sentence; whoever knows the job adds its number


def writing(locks: Path, collection: str, *, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
    """Holds the collection's writer lock across processes; waits for another writer to end, but not longer.

    Raises:
        CollectionInUse: Another process writes; the sentence names it.
    """
    what = f"Collection {collection!r} is being written to"
    return _holding(locks / f"{slug_of(collection)}.write", what, wait_seconds)


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
def _holding(path: Path, what: str, wait_seconds: float = 0.0) -> Iterator[None]:
    owner = path.with_name(f"{path.name}.owner")
    lock = filelock.FileLock(path, timeout=wait_seconds)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        pid, name = _read_owner(owner)
        raise CollectionInUse(f"{what} by {name}. Wait until it ends, or stop it with {CANCEL}.", pid) from error
    try:
        owner.write_text(f"{os.getpid()} {psutil.Process().create_time()}", encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _read_owner(path: Path) -> tuple[int | None, str]:
    """The process that holds a lock, by its number and in words."""
    try:
        pid, started = path.read_text(encoding="utf-8").split()
        since = datetime.fromtimestamp(float(started))
    except (FileNotFoundError, ValueError):
        return None, "another process"
    return int(pid), f"process {pid}, started {since:%Y-%m-%d %H:%M:%S}"
