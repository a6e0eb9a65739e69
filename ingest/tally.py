"""Counts what an ingest has done, of each file and of all; the part of the work that people are told about.

A listener that raises doesn't tear the work apart: what it raised is kept, and raised again once all that was encoded
is written.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ingest.chunking import Chunk
from ingest.progress import Progress, Report
from ingest.readers.found import TableColumns
from ingest.sink import Failure, FileOutcome, StageCounts
from ingest.summary import IngestSummary, Truncation

_NAMED_FAILURES = 10  # of one file: a table may have millions of broken rows, and nobody reads a hundred lines of them
_NAMED_TRUNCATIONS = 10


@dataclass(slots=True)
class FileTally:
    """One file under way."""

    origin: str
    source: str
    stamp: str = ""
    document_count: int = 0
    failed_count: int = 0
    failures: list[Failure] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def outcome(self) -> FileOutcome:
        """What came of the file; one of which something failed has no stamp, so that it is tried again."""
        return FileOutcome(
            self.origin,
            self.source,
            stamp="" if self.failed_count else self.stamp,
            document_count=self.document_count,
            failed_count=self.failed_count,
            failures=tuple(self.failures),
            skipped=tuple(sorted(self.skipped.items())),
        )


@dataclass(slots=True)
class Tally:
    """An ingest under way."""

    report: Report
    expected: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    read: int = 0
    encoded: int = 0
    unwritten: int = 0  # of the encoded ones, those that aren't known to be durable
    chunk_count: int = 0
    truncated_tokens: int = 0
    stopped_by: Exception | None = None
    failed_of: Counter[str] = field(default_factory=Counter)  # how many, by source
    skipped: Counter[str] = field(default_factory=Counter)  # files without a reader, by how their names end
    tables: list[TableColumns] = field(default_factory=list)
    _failed: list[Failure] = field(default_factory=list)
    _truncated: list[tuple[int, str]] = field(default_factory=list)  # a heap of the largest

    @property
    def finished(self) -> int:
        """Documents that nothing more is to be done for."""
        return self.new + self.changed + self.unchanged + self.failed_of.total()

    @property
    def stages(self) -> StageCounts:
        """How many documents have come how far."""
        discovered = max(self.expected, self.finished)
        return StageCounts(discovered, self.unchanged, self.read, self.encoded, self.failed_of.total())

    def fail(self, file: FileTally | None, failure: Failure) -> None:
        """Count a failure, of a file if it is one's; only the first of a source are named."""
        self.failed_of[failure.source] += 1
        if self.failed_of[failure.source] <= _NAMED_FAILURES:
            self._failed.append(failure)
        if file is not None:
            file.failed_count += 1
            if len(file.failures) < _NAMED_FAILURES:
                file.failures.append(failure)

    def cut(self, document_id: str, chunks: Sequence[Chunk], max_tokens: int) -> None:
        """Count the tokens of a document that the encoder doesn't see."""
        self.chunk_count += len(chunks)
        lost = sum(max(chunk.token_count - max_tokens, 0) for chunk in chunks)
        if lost:
            self.truncated_tokens += lost
            heapq.heappush(self._truncated, (lost, document_id))
            if len(self._truncated) > _NAMED_TRUNCATIONS:
                heapq.heappop(self._truncated)

    def written(self, count: int, changed_count: int) -> None:
        """Count documents that are durable now."""
        self.changed += changed_count
        self.new += count - changed_count
        self.unwritten -= count

    def tell(self, just_encoded: int = 0) -> None:
        """Report; `just_encoded` documents of the part at hand are encoded."""
        done = self.finished + self.unwritten + just_encoded
        try:
            self.report(Progress("ingest", done, max(done, self.expected), "documents"))
        except Exception as error:  # whatever a listener raises to stop the work
            self.stopped_by = error

    def summary(self, seconds: float) -> IngestSummary:
        """All of it, once the work is done."""
        return IngestSummary(
            new=self.new,
            changed=self.changed,
            unchanged=self.unchanged,
            removed=self.removed,
            failed=(*self._failed, *self._unnamed()),
            chunk_count=self.chunk_count,
            truncated_tokens=self.truncated_tokens,
            seconds=seconds,
            skipped_count=self.skipped.total(),
            tables=tuple(self.tables),
            failed_count=self.failed_of.total(),
            skipped=tuple(sorted(self.skipped.items())),
            truncated=tuple(Truncation(document_id, lost) for lost, document_id in sorted(self._truncated)[::-1]),
        )

    def _unnamed(self) -> Iterator[Failure]:
        for source, count in self.failed_of.items():
            if count > _NAMED_FAILURES:
                yield Failure(source, f"{count - _NAMED_FAILURES:,} more rows of {source!r} failed.")
