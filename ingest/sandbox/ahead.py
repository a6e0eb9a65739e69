"""Several parsers that run ahead of whoever takes the documents, which come in the order of the files.

What waits is bounded in bytes. The file that is taken from next may always go on, so nobody waits for ever.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ingest.discovery import SourceFile
from ingest.limits import Limits
from ingest.readers.found import TableMapping, Told
from ingest.sandbox.parser import Parsed, Parser

_WAITING_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ParsingSettings:
    """How files are parsed: by how many processes, within which limits, with which columns of tables as what."""

    parser_count: int = 2
    limits: Limits = field(default_factory=Limits)
    columns: TableMapping = field(default_factory=TableMapping)


def parse_files(
    files: Sequence[SourceFile], settings: ParsingSettings
) -> Generator[tuple[SourceFile, Told], None, None]:
    """What each file holds, in the order of the files; closing the iterator ends all processes."""
    shelf = _Shelf(len(files))
    parsers = [Parser(settings.limits, settings.columns) for _ in range(min(settings.parser_count, len(files)))]
    threads = [threading.Thread(target=_work, args=(shelf, parser, files), daemon=True) for parser in parsers]
    for thread in threads:
        thread.start()
    try:
        for number, file in enumerate(files):
            for parsed in shelf.take(number):
                for item in parsed.items:
                    yield file, item
    finally:
        shelf.close()
        for parser in parsers:
            parser.interrupt()
        for thread in threads:
            thread.join()


def _work(shelf: "_Shelf", parser: Parser, files: Sequence[SourceFile]) -> None:
    try:
        with suppress(_Closed):
            while (number := shelf.next_file()) is not None:
                _parse(shelf, parser, files, number)
    finally:
        parser.close()


def _parse(shelf: "_Shelf", parser: Parser, files: Sequence[SourceFile], number: int) -> None:
    try:
        for parsed in parser.read(files[number]):
            shelf.put(number, parsed)
    except _Closed:
        raise
    except Exception as error:  # a fault of ours, to be raised in the thread that takes the documents
        shelf.fail(number, error)
    else:
        shelf.put(number, None)


class _Closed(Exception):
    """Nobody takes anything any more."""


class _Shelf:
    """What was parsed and not yet taken, by the number of the file; None stands for the file's end."""

    def __init__(self, file_count: int) -> None:
        self._changed = threading.Condition()
        self._file_count = file_count
        self._begun_count = 0
        self._taken_from = 0
        self._waiting: dict[int, deque[Parsed | Exception | None]] = {}
        self._byte_count = 0
        self._is_closed = False

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

    def fail(self, number: int, error: Exception) -> None:
        """Lay down a fault of ours, to be raised where the documents are taken."""
        with self._changed:
            self._lay(number, error)

    def take(self, number: int) -> Iterator[Parsed]:
        """The parts of one file; waits for them."""
        while True:
            with self._changed:
                self._taken_from = number
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting.get(number))
                part = self._waiting[number].popleft()
                if isinstance(part, Exception):
                    raise part
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

    def _lay(self, number: int, part: Parsed | Exception | None) -> None:
        self._waiting.setdefault(number, deque()).append(part)
        self._changed.notify_all()

    def _has_room(self, number: int) -> bool:
        is_waited_for = number == self._taken_from and not self._waiting.get(number)
        return is_waited_for or self._byte_count < _WAITING_BYTES
