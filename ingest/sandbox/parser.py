"""One parsing process, seen from outside: it is started when needed, timed, and replaced when it is lost.

Time counts while it is waited for, so a slow taker of documents costs a file nothing. Nothing is waited for without a
bound, not even the end of a process that was killed: one that waits for a disk that is gone can't be ended.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from ingest.discovery import SourceFile
from ingest.limits import Limits
from ingest.readers import hides_ids
from ingest.readers.found import Begun, Broken, TableMapping, Told
from ingest.sandbox.deadlines import Deadline
from ingest.sandbox.messages import FRAME_BYTES, LENGTH, BadMessage, End, Unpacker

_FILES_A_PROCESS = 500  # parsers leak; a new process costs a tenth of a second
_START_SECONDS = 60  # far more than it takes; a machine may be busy
_END_SECONDS = 10  # the same, for a process that was killed
_MEMBERS_LOST = 3  # of an archive, before it is given up
_READ_BYTES = 1 << 16
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """Some of what a file holds; `byte_count` is what it took on the pipe, about what it takes in memory."""

    items: tuple[Told, ...]
    byte_count: int = 0


class Lost(Exception):
    """The process ended, or had to be ended, in the middle of a file; the message completes "'a.pdf' ..."."""


@dataclass(slots=True)
class Parser:
    """A parsing process and the pipe to it; used by one thread, and never alive for longer than that."""

    limits: Limits
    columns: TableMapping
    _process: "subprocess.Popen[bytes] | None" = None
    _buffer: bytearray = field(default_factory=bytearray)
    _files: int = 0
    _is_over: bool = False

    def read(self, file: SourceFile) -> Iterator[Parsed]:
        """What the file holds; a process that is lost costs the file, or one member of an archive."""
        skip, deadline = 0, Deadline(self.limits)
        for _ in range(_MEMBERS_LOST):
            begun: Begun | None = None
            try:
                for parsed in self._ask(file, skip, deadline):
                    begun = next((item for item in reversed(parsed.items) if isinstance(item, Begun)), begun)
                    yield parsed
                return
            except Lost as lost:
                self.close()
                if deadline.is_over:
                    yield Parsed((Broken(file.id, f"{file.id!r} {deadline.sentence}"),))
                    return
                name = begun.id if begun else file.id
                yield Parsed((Broken(name, f"{name!r} {lost}", hides_ids=hides_ids(name)),))
            if begun is None:
                return
            skip = begun.number + 1
        reason = f"{file.id!r} was given up after the parser was lost {_MEMBERS_LOST} times. Unpack it."
        yield Parsed((Broken(file.id, reason),))

    def close(self) -> None:
        """End the process; the next file starts another one."""
        process, self._process = self._process, None
        self._buffer.clear()
        self._files = 0
        if process is not None:
            _end(process)

    def interrupt(self) -> None:
        """End the process from another thread, for good; the one that waits for it sees it as lost."""
        self._is_over = True  # first, so that a process that is being started is ended by whoever starts it
        if (process := self._process) is not None:
            process.kill()

    def _ask(self, file: SourceFile, skip: int, deadline: Deadline) -> Iterator[Parsed]:
        process = self._started()
        request = {"path": str(file.path), "root": str(file.root), "id": file.id, "skip": skip}
        _send(process, request)
        unpacker = Unpacker(file.origin)
        deadline.begin_part()
        while True:
            with deadline.waiting() as until:
                frame = self._receive(process, until)
            messages = _unpacked(unpacker, frame)
            if any(isinstance(message, Begun) for message in messages):
                deadline.begin_part()
            items = tuple(message for message in messages if not isinstance(message, End))
            end = next((message for message in messages if isinstance(message, End)), None)
            if end is None or end.reason is None:
                yield Parsed(items, len(frame))
            else:
                yield Parsed((*items, Broken(file.id, end.reason, end.hides_ids)), len(frame))
            if end is not None:
                self._count(end)
                return

    def _count(self, end: End) -> None:
        if end.is_exhausted:
            raise Lost(f"needs more than {self.limits.memory_mb:,} MB to be parsed. Split it, or raise `memory_mb`.")
        self._files += 1
        if self._files >= _FILES_A_PROCESS:
            self.close()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ingest.sandbox.child"],  # -P: a json.py among the documents isn't run
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | _ENVIRONMENT,
                process_group=0,  # Ctrl-C is for the parent; in its session, as nice as a job is
            )
            if self._is_over:
                raise Lost("was not parsed: nobody waits for it.")
            _send(self._process, {"limits": asdict(self.limits), "columns": asdict(self.columns)})
            self._receive(self._process, time.monotonic() + _START_SECONDS)  # READY
        return self._process

    def _receive(self, process: "subprocess.Popen[bytes]", until: float) -> bytes:
        """The next frame, whole.

        Raises:
            Lost: None came in time, or the process has ended.
        """
        (length,) = LENGTH.unpack(self._take(process, LENGTH.size, until))
        if length > FRAME_BYTES:
            raise Lost("made its parser answer nonsense. It is damaged, or made to do harm.")
        return self._take(process, length, until)

    def _take(self, process: "subprocess.Popen[bytes]", size: int, until: float) -> bytes:
        descriptor = _pipe(process.stdout).fileno()
        while len(self._buffer) < size:
            ready = select.poll()
            ready.register(descriptor, select.POLLIN)
            if not ready.poll(max(until - time.monotonic(), 0) * 1000):
                raise Lost(f"took more than {self.limits.seconds} s to be parsed. Split it, or raise `seconds`.")
            block = os.read(descriptor, _READ_BYTES)
            if not block:
                raise Lost(_epitaph(process, self.limits))
            self._buffer += block
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    for pipe in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):  # a request that it didn't read
            _pipe(pipe).close()


def _send(process: "subprocess.Popen[bytes]", request: dict[str, Any]) -> None:
    pipe = _pipe(process.stdin)
    with suppress(BrokenPipeError):  # it has ended; reading from it tells how
        pipe.write(json.dumps(request).encode() + b"\n")
        pipe.flush()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("A parser was started without a pipe.")
    return pipe


def _unpacked(unpacker: Unpacker, frame: bytes) -> list[Told | End]:
    try:
        return list(unpacker.unpack(frame))
    except BadMessage as error:
        raise Lost(f"made its parser answer nonsense ({error}). It is damaged, or made to do harm.") from error


def _epitaph(process: "subprocess.Popen[bytes]", limits: Limits) -> str:
    try:
        code = process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:  # it has closed its pipe and lives on, until it is closed
        code = -signal.SIGKILL
    if code == -signal.SIGXCPU:
        return f"took more than {limits.seconds} s to be parsed. Split it, or raise `seconds`."
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"made its parser end ({how}). It is damaged, made to do harm, or needs more memory than `memory_mb`."
