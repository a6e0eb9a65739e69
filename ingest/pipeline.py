"""Takes paths in and hands encoded documents to a sink, a batch at a time.

What `Sink.write` has returned for is durable; whatever stops the work between two batches loses none of it.
No step holds more than a batch; only the ids of the documents that were read are kept to the end.
"""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ingest.chunking import Chunk, ChunkingSettings, fit_title, iter_chunks, passage
from ingest.cleaning import clean_line
from ingest.counting import TokenCounter
from ingest.discovery import Discovery, SourceFile, discover
from ingest.documents import Document
from ingest.errors import ReadError, TooLarge
from ingest.progress import Progress, Report
from ingest.readers import READERS, count_documents
from ingest.readers.found import Begun, Broken, Expected, Found, Skipped, TableColumns, Told
from ingest.sandbox.ahead import ParsingSettings, parse_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"

_LOOKED_UP_TOGETHER = 256  # documents
_NAMED_FAILURES = 100  # of one source: a table may have millions of broken rows
_ENCODED_TOGETHER = 512  # passages: enough to sort by length, few enough to stop within seconds


class Encoder(Protocol):
    """What ingest needs of an encoder."""

    @property
    def fingerprint(self) -> str:
        """The hash of everything that changes the vectors."""

    @property
    def dim(self) -> int:
        """The length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the encoder reads of a text, special ones included; the rest is cut off."""

    def encode(self, texts: Sequence[str], *, kind: Literal["document", "query"] = "document") -> Vectors:
        """Unit rows, (len(texts), dim) float32."""

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, special ones included, without any cut."""


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """A document with its chunks and their vectors, (len(chunks), dim)."""

    document: Document
    chunks: tuple[Chunk, ...]
    vectors: Vectors


class Sink(Protocol):
    """Where encoded documents go."""

    def held(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        """The content hash of each of these documents that is committed."""

    def write(self, batch: Sequence[EncodedDocument]) -> None:
        """Replace or add the documents; durable when it returns."""

    def prune(self, origins: Sequence[str], keep: Set[str]) -> int:
        """Remove the documents read from or below one of `origins` whose id isn't in `keep`; how many."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How an ingest works; `batch_chunks` is the size of a flush."""

    chunking: ChunkingSettings
    prune: bool = False
    batch_chunks: int = 5000
    parsing: ParsingSettings = field(default_factory=ParsingSettings)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be taken in, and why, in one sentence."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did, in documents.

    `failed_count` counts all that failed; `failed` names each file of them, but only the first rows of a table.
    `truncated_tokens` counts the tokens of written chunks that the encoder never saw, `skipped_count` the
    files for which there is no reader, `skipped` the same by how their names end; `tables` tells which column
    served as what.
    """

    new: int
    changed: int
    unchanged: int
    removed: int
    failed: tuple[Failure, ...]
    chunk_count: int
    truncated_tokens: int
    seconds: float
    skipped_count: int = 0
    tables: tuple[TableColumns, ...] = ()
    failed_count: int = 0
    skipped: tuple[tuple[str, int], ...] = ()


def ingest(
    paths: Sequence[Path], *, encoder: Encoder, sink: Sink, settings: IngestSettings, report: Report
) -> IngestSummary:
    """Bring the sink up to date with the files; a file or a row that fails costs only itself.

    An exception out of `report` stops the work; what the sink has written by then stays.

    Raises:
        SourceNotFound: A path doesn't exist; nothing was done.
    """
    begun = time.monotonic()
    discovery = discover(paths, suffixes=READERS)
    run = _Run(encoder, sink, settings, report)
    limits = settings.parsing.limits
    run.expected_count = sum(count_documents(file.path, limits) for file in discovery.files)
    run.tell()
    with closing(_read(run, discovery)) as documents:  # whatever stops the work ends the parsers
        for batch in _batches(run, _pending(run, documents)):
            _write(run, batch)
    removed = _prune(run, discovery.roots) if settings.prune else 0
    run.skipped.update(dict(discovery.skipped))
    run.expected_count = run.done_count
    run.tell()
    return IngestSummary(
        new=run.new_count,
        changed=run.changed_count,
        unchanged=run.unchanged_count,
        removed=removed,
        failed=(*run.failed, *run.unnamed()),
        chunk_count=run.chunk_count,
        truncated_tokens=run.truncated_tokens,
        seconds=time.monotonic() - begun,
        skipped_count=run.skipped.total(),
        tables=tuple(run.tables),
        failed_count=run.failed_count,
        skipped=tuple(sorted(run.skipped.items())),
    )


@dataclass(frozen=True, slots=True)
class _Chunked:
    document: Document
    chunks: tuple[Chunk, ...]
    is_changed: bool


@dataclass(slots=True)
class _Run:
    """One ingest under way: what it works with, and what it has counted so far."""

    encoder: Encoder
    sink: Sink
    settings: IngestSettings
    report: Report
    counter: TokenCounter = field(init=False)
    expected_count: int = 0
    new_count: int = 0
    changed_count: int = 0
    unchanged_count: int = 0
    chunk_count: int = 0
    truncated_tokens: int = 0
    failed: list[Failure] = field(default_factory=list)
    failed_of: Counter[str] = field(default_factory=Counter)  # how many, by source
    skipped: Counter[str] = field(default_factory=Counter)  # files without a reader, by how their names end
    tables: list[TableColumns] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)  # document id -> where it was found
    unreadable: set[str] = field(default_factory=set)  # ids of files whose documents must outlive this run
    half_read: set[Path] = field(default_factory=set)  # roots below which it can't be known what vanished

    def __post_init__(self) -> None:
        self.counter = TokenCounter(self.encoder.count_tokens)

    @property
    def done_count(self) -> int:
        """Documents that nothing more is to be done for."""
        return self.new_count + self.changed_count + self.unchanged_count + self.failed_count

    @property
    def failed_count(self) -> int:
        """What could not be taken in."""
        return self.failed_of.total()

    def fail(self, source: str, reason: str) -> None:
        """Note a failure; of one source only the first are named."""
        self.failed_of[source] += 1
        if self.failed_of[source] <= _NAMED_FAILURES:
            self.failed.append(Failure(source, reason))

    def unnamed(self) -> Iterator[Failure]:
        """A line for each source that has more failures than are named."""
        for source, count in self.failed_of.items():
            if count > _NAMED_FAILURES:
                yield Failure(source, f"{count - _NAMED_FAILURES:,} more rows of {source!r} failed.")

    def tell(self, encoded_count: int = 0) -> None:
        """Report; `encoded_count` documents are encoded but not yet written."""
        done = self.done_count + encoded_count
        self.report(Progress("ingest", done, max(done, self.expected_count), "documents"))


def _read(run: _Run, discovery: Discovery) -> Generator[Document, None, None]:
    for folder in discovery.unlisted:
        run.half_read.add(folder.root)
        run.fail(clean_line(str(folder.root)), str(folder.error))
    with closing(parse_files(discovery.files, run.settings.parsing)) as parsed:
        for file, item in parsed:
            yield from _accepted(run, discovery, file, item)


def _accepted(run: _Run, discovery: Discovery, file: SourceFile, item: Told) -> Iterator[Document]:
    match item:
        case Found(document, place) if first := run.places.get(document.id):
            reason = f"The document id {document.id!r} of {place} is that of {first} already. Give each its own."
            run.fail(file.id, reason)
        case Found(document, place):
            run.places[document.id] = place
            yield fit_title(document, run.settings.chunking, run.counter)
        case Broken(source, reason, hides_ids):
            run.fail(source, reason)
            run.unreadable.add(source)
            if hides_ids:
                run.half_read.add(file.path if file.path in discovery.roots else file.root)
        case TableColumns():
            run.tables.append(item)
        case Expected(count):
            run.expected_count += count - 1
        case Skipped(kind):
            run.skipped[kind] += 1
        case Begun():
            run.expected_count += 1


def _pending(run: _Run, documents: Iterator[Document]) -> Iterator[tuple[Document, bool]]:
    """The documents that the sink doesn't hold as they are, each with whether it holds another version."""
    while group := list(islice(documents, _LOOKED_UP_TOGETHER)):
        held = run.sink.held([document.id for document in group])
        for document in group:
            if held.get(document.id) == document.content_hash:
                run.unchanged_count += 1
            else:
                yield document, document.id in held
        run.tell()


def _batches(run: _Run, pending: Iterator[tuple[Document, bool]]) -> Iterator[list[_Chunked]]:
    batch: list[_Chunked] = []
    chunk_count = 0
    for document, is_changed in pending:
        try:
            chunks = _chunks(run, document)
        except ReadError as error:
            run.fail(document.id, str(error))
            continue
        batch.append(_Chunked(document, chunks, is_changed))
        chunk_count += len(chunks)
        if chunk_count >= run.settings.batch_chunks:
            yield batch
            batch, chunk_count = [], 0
    if batch:
        yield batch


def _chunks(run: _Run, document: Document) -> tuple[Chunk, ...]:
    most = run.settings.parsing.limits.chunks
    chunks = tuple(islice(iter_chunks(document, run.settings.chunking, run.counter), most + 1))
    if len(chunks) > most:
        raise TooLarge(f"{document.id!r} has more than {most:,} chunks. Split it, or raise the limit `chunks`.")
    return chunks


def _write(run: _Run, batch: Sequence[_Chunked]) -> None:
    ends = list(accumulate(len(chunked.chunks) for chunked in batch))
    vectors = _encode(run, batch, ends)
    starts = [0, *ends]
    run.sink.write(
        [
            EncodedDocument(chunked.document, chunked.chunks, vectors[start:end])
            for chunked, start, end in zip(batch, starts, ends, strict=False)
        ]
    )
    changed_count = sum(chunked.is_changed for chunked in batch)
    run.changed_count += changed_count
    run.new_count += len(batch) - changed_count
    run.chunk_count += ends[-1]
    lengths = (chunk.token_count for chunked in batch for chunk in chunked.chunks)
    run.truncated_tokens += sum(max(length - run.encoder.max_tokens, 0) for length in lengths)
    run.tell()


def _encode(run: _Run, batch: Sequence[_Chunked], ends: Sequence[int]) -> Vectors:
    """A row for each chunk of the batch; `ends` are the numbers of chunks up to and with each document."""
    import numpy as np  # here, so that whoever reads files only doesn't wait for it

    texts = [
        passage(chunked.document.title, chunk.headings, chunk.text) for chunked in batch for chunk in chunked.chunks
    ]
    parts = []
    for start in range(0, len(texts), _ENCODED_TOGETHER):
        parts.append(run.encoder.encode(texts[start : start + _ENCODED_TOGETHER], kind="document"))
        run.tell(encoded_count=bisect_right(ends, start + _ENCODED_TOGETHER))
    return np.concatenate(parts)


def _prune(run: _Run, roots: Sequence[Path]) -> int:
    """Remove what vanished; a root whose files could not all be read is left alone, and that is reported."""
    origins = []
    for root in roots:
        if any(half_read.is_relative_to(root) for half_read in run.half_read):
            reason = "Nothing was pruned here: not all of it could be read. Mend what failed, then prune again."
            run.fail(clean_line(str(root)), reason)
        else:
            origins.append(clean_line(str(root)))
    return run.sink.prune(origins, run.places.keys() | run.unreadable) if origins else 0
