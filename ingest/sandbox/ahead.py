"""Several parsers that run ahead of whoever takes the documents, which come in the order of the files.

What waits is bounded in bytes. The file that is taken from next may always go on, and a thread that fails says so, so
nobody waits for ever. A thread that doesn't end is left: Ctrl-C may come when a lock is taken and nothing has begun yet
that gives it back.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from ingest.discovery import SourceFile
from ingest.limits import Limits
from ingest.readers.found import TableMapping, Told
from ingest.sandbox.parser import Parsed, Parser

_WAITING_BYTES = 16 << 20
_FEW_FILES = 20
_FEW_BYTES = 100_000  # of few files; one process has parsed them before another has started
_END_SECONDS = 15  # for a thread whose process was killed; longer than it waits for that process


@dataclass(frozen=True, slots=True)
class ParsingSettings:
    """How files are parsed: by at most so many processes, within which limits, with which columns of tables as what."""

    parser_count: int = 2
    limits: Limits = field(default_factory=Limits)
    columns: TableMapping = field(default_factory=TableMapping)


def parse_files(
    files: Sequence[SourceFile], settings: ParsingSettings
) -> Generator[tuple[SourceFile, Told], None, None]:
    """What each file holds, in the order of the files; closing the iterator ends all processes."""
    shelf = _Shelf(len(files))
    count = 1 if _is_little(files) else min(settings.parser_count, len(files))
    parsers = [Parser(settings.limits, settings.columns) for _ in range(count)]
    threads: list[threading.Thread] = []
    try:
        for parser in parsers:
            thread = threading.Thread(target=_work, args=(shelf, parser, files), daemon=True)
            thread.start()
            threads.append(thread)
        for number, file in enumerate(files):
            for parsed in shelf.take(number):
                for item in parsed.items:
                    yield file, item
    finally:
        shelf.close()
        for parser in parsers:
            parser.interrupt()
        for thread in threads:
            thread.join(_END_SECONDS)


def _is_little(files: Sequence[SourceFile]) -> bool:
    return len(files) <= _FEW_FILES and sum(_byte_count(file) for file in files) <= _FEW_BYTES


def _byte_count(file: SourceFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:  # reading it tells the reason
        return 0


def _work(shelf: "_Shelf", parser: Parser, files: Sequence[SourceFile]) -> None:
    try:
        while (number := shelf.next_file()) is not None:
            for parsed in parser.read(files[number]):
                shelf.put(number, parsed)
            shelf.put(number, None)
    except _Closed:
        pass
    except BaseException as error:  # a fault of ours, to be raised in the thread that takes the documents
        shelf.fail(error)
    finally:
        parser.close()


class _Closed(Exception):
    """Nobody takes anything any more."""


class _Shelf:
    """What was parsed and not yet taken, by the number of the file; None stands for the file's end."""

    def __init__(self, file_count: int) -> None:
        self._changed = threading.Condition()
        self._file_count = file_count
        self._begun_count = 0
        self._taken_from = 0
        self._waiting: dict[int, deque[Parsed | None]] = {}
        self._byte_count = 0
        self._is_closed = False
        self._fault: BaseException | None = None

    def next_file(self) -> int | None:
        """The number of the next file that nobody parses yet."""
        with self._changed:
            if self._is_closed or self._begun_count == self._file_count:
                return None
            number, self._begun_count = self._begun_count, self._begun_count + 1
            return number

    def put(self, number: int, parsed: Parsed | None) -> None:
        """Lay down a part, once there is room.

        Raises:
            _Closed: Nobody will take it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_room(number))
            if self._is_closed:
                raise _Closed
            self._lay(number, parsed)
            self._byte_count += parsed.byte_count if parsed else 0

    def fail(self, fault: BaseException) -> None:
        """A fault of ours ended a thread; it is raised once what is to be taken next isn't there."""
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def take(self, number: int) -> Iterator[Parsed]:
        """The parts of one file; waits for them."""
        while True:
            with self._changed:
                self._taken_from = number
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting.get(number) or self._fault)
                if self._fault is not None and not self._waiting.get(number):
                    raise self._fault
                part = self._waiting[number].popleft()
                if part is None:
                    del self._waiting[number]
                    return
                self._byte_count -= part.byte_count
                self._changed.notify_all()
            yield part

    def close(self) -> None:
        """Nothing is taken any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _lay(self, number: int, part: Parsed | None) -> None:
        self._waiting.setdefault(number, deque()).append(part)
        self._changed.notify_all()

    def _has_room(self, number: int) -> bool:
        is_waited_for = number == self._taken_from and not self._waiting.get(number)
        return is_waited_for or self._byte_count < _WAITING_BYTES
