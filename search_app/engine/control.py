"""Starts, finds and ends the engine's process.

Whoever needs Milvus asks for the address; the process is there when the answer comes. However many
processes ask at once, one engine is started: starting and stopping happen under one file lock. Nothing
listens on a network port.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from ingest.errors import TwinsearchError
from search_app.engine.record import EngineFiles, EngineRecord, is_running, read_record
from search_app.engine.sockets import socket_path
from search_app.errors import CollectionInUse, DiskFull, EngineError
from search_app.liveness import began

_START_SECONDS = 60.0  # importing Milvus Lite takes one or two; replaying a long log after a crash takes the rest
_STOP_SECONDS = 30.0
_WRITE_WAIT_SECONDS = 120.0  # for the write of another process: each is one bounded call
_LOOK_SECONDS = 0.02
_LOG_TAIL_LINES = 5
_ROOM_BYTES = 1 << 20  # an engine that fails to start with less than that failed for want of room


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine as it is now; `data_bytes` are on disk, `started_at` counts seconds since 1970."""

    running: bool
    pid: int | None
    address: str | None
    started_at: float | None
    data_bytes: int


class Engine:
    """The embedded Milvus of one home, started when it is first needed.

    Args:
        folder: Where it keeps its data, socket, log and locks; made with mode 0700.
        idle_seconds: The process ends by itself after so long without a call.
    """

    is_embedded = True
    token = ""
    remedy = "Look with `twinsearch engine status`, then try again."

    def __init__(self, folder: Path, *, idle_seconds: float = 600.0) -> None:
        self.folder = folder.resolve()  # one address, however many names lead to the folder
        self.idle_seconds = idle_seconds
        self._files = EngineFiles(self.folder)

    def address(self) -> str:
        """The address at which the engine answers; starts it when it doesn't run.

        Raises:
            EngineError: The process can't be started; the sentence ends with its last lines.
            DiskFull: It can't be started because its disk has no room.
        """
        self.touch()
        record = self._running()
        if record is None:
            with self._start_lock():
                record = self._running() or self._start()
        return record.address

    def touch(self) -> None:
        """Tell the engine that somebody needs it, which puts off its end."""
        self._make_folder()
        self._files.touched.touch(mode=0o600)

    @property
    def data_folder(self) -> Path:
        """Where Milvus Lite keeps its collections."""
        return self._files.data

    def status(self) -> EngineStatus:
        """How the engine is, without starting it."""
        record = self._running()
        size = _folder_bytes(self._files.data)
        if record is None:
            return EngineStatus(False, None, None, None, size)
        return EngineStatus(True, record.pid, record.address, _started_at(record), size)

    def stop(self) -> bool:
        """End the process after closing its data; whether one was running."""
        if not self.folder.is_dir():
            return False
        with self._start_lock():
            return self._stop()

    def restart(self) -> None:
        """End the process, if it runs, and start it anew from what is on disk."""
        self.touch()
        with self._start_lock():
            self._stop()
            self._start()

    def discard(self, physical: str) -> None:
        """Remove the files of a collection that the process can't read; it is started anew without them."""
        with self._start_lock():
            self._stop()
            shutil.rmtree(self._files.data / "collections" / physical, ignore_errors=True)
            self._start()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one right to write to this engine's data, across all processes.

        Raises:
            CollectionInUse: Another process has held it for two minutes.
        """
        self._make_folder()
        lock = FileLock(self._files.write_lock)
        try:
            lock.acquire(timeout=_WRITE_WAIT_SECONDS)
        except Timeout as error:
            raise CollectionInUse(
                f"Another process has been writing to {self.folder} for {_WRITE_WAIT_SECONDS:.0f} seconds. "
                "Wait until it is done, or look with `twinsearch jobs`."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _running(self) -> EngineRecord | None:
        record = read_record(self._files)
        return record if record is not None and is_running(record) else None

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(
                f"The engine's folder {self.folder} can't be made ({error.strerror}). "
                "Choose a home that you may write to with `--home`."
            ) from error

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        lock = FileLock(self._files.start_lock)
        try:
            lock.acquire(timeout=_START_SECONDS + _STOP_SECONDS)
        except Timeout as error:
            raise EngineError(
                f"Another process has been starting or stopping the engine in {self.folder} for more than "
                f"{_START_SECONDS + _STOP_SECONDS:.0f} seconds. Look with `twinsearch engine status`."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _start(self) -> EngineRecord:
        """Start the process and wait until it serves; what a killed one left behind is cleared first."""
        socket = socket_path(self.folder)
        for stale in (self._files.record, socket):
            stale.unlink(missing_ok=True)
        child = _spawn(self.folder, socket, self.idle_seconds)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and is_running(child):
            record = self._running()
            if record is not None and record.pid == child.pid:
                return record
            time.sleep(_LOOK_SECONDS)
        raise self._did_not_start(child)

    def _did_not_start(self, child: EngineRecord) -> TwinsearchError:
        hung = is_running(child)
        if hung:
            _end(child)
        free = shutil.disk_usage(self.folder).free
        if free < _ROOM_BYTES:
            return DiskFull(
                f"The engine in {self.folder} can't start: its disk has {free:,} bytes left. Make room, then try again."
            )
        what = f"did not answer within {_START_SECONDS:.0f} seconds" if hung else "ended while starting"
        return EngineError(
            f"The engine in {self.folder} {what}. Its log {self._files.log} ends with: {_tail(self._files.log)}"
        )

    def _stop(self) -> bool:
        record = self._running()
        if record is None:
            return False
        _end(record)
        self._files.record.unlink(missing_ok=True)
        return True


def _spawn(folder: Path, socket: Path, idle_seconds: float) -> EngineRecord:
    """Run the serve module, which detaches itself and prints the number of the process that stays."""
    command = [sys.executable, "-m", "search_app.engine.serve", str(folder), str(socket), str(idle_seconds)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_START_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"The engine's process in {folder} hasn't told its number within {_START_SECONDS:g} seconds. "
            "Look whether the machine's disk answers, then try again."
        ) from error
    if done.returncode != 0 or not done.stdout.strip().isdigit():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EngineError(f"The engine's process could not be started: {last}")
    pid = int(done.stdout)
    try:
        return EngineRecord(pid, began(pid), f"unix:{socket}")
    except psutil.NoSuchProcess:
        return EngineRecord(pid, 0.0, f"unix:{socket}")


def _started_at(record: EngineRecord) -> float | None:
    """When a running engine began, in seconds since 1970; None if it has just ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(record.pid).create_time()
    return None


def _end(record: EngineRecord) -> None:
    """SIGTERM, and SIGKILL when that was not heard; only ever to the recorded process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(record.pid)
        process.terminate()
        if not _has_ended(record, _STOP_SECONDS):
            process.kill()
            _has_ended(record, _STOP_SECONDS)


def _has_ended(record: EngineRecord, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(record):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "(nothing)"
    return " | ".join([line.strip() for line in lines if line.strip()][-_LOG_TAIL_LINES:]) or "(nothing)"


def _folder_bytes(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # compaction removes files meanwhile
                total += (Path(root) / name).stat().st_size
    return total
