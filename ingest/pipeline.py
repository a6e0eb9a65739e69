"""Takes paths in and hands encoded documents to a sink, a batch at a time.

What `Sink.write` has returned for is durable; whatever stops the work between two batches loses none of it.
No step holds more than a batch; only the ids of the documents that were read are kept to the end.
"""

import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ingest.chunking import Chunk, ChunkingSettings, chunk_document, fit_title, passage
from ingest.cleaning import clean_line
from ingest.counting import TokenCounter
from ingest.discovery import Discovery, SourceFile, discover
from ingest.documents import Document
from ingest.errors import ReadError, TableError
from ingest.progress import Progress, Report
from ingest.readers import READERS, count_documents, is_table, read_file
from ingest.readers.found import Found, Item, TableColumns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"

_LOOKED_UP_TOGETHER = 256  # documents
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


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be taken in, and why, in one sentence."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did, in documents.

    `truncated_tokens` counts the tokens of written chunks that the encoder never saw, `skipped_count` the
    files in folders for which there is no reader; `tables` tells which column served as what.
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
    run.expected_count = sum(count_documents(file) for file in discovery.files)
    run.tell()
    for batch in _batches(run, _pending(run, _read(run, discovery))):
        _write(run, batch)
    removed = _prune(run, paths) if settings.prune else 0
    run.expected_count = run.done_count
    run.tell()
    return IngestSummary(
        new=run.new_count,
        changed=run.changed_count,
        unchanged=run.unchanged_count,
        removed=removed,
        failed=tuple(run.failed),
        chunk_count=run.chunk_count,
        truncated_tokens=run.truncated_tokens,
        seconds=time.monotonic() - begun,
        skipped_count=discovery.skipped_count,
        tables=tuple(run.tables),
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
    tables: list[TableColumns] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)  # document id -> where it was found
    unreadable: set[str] = field(default_factory=set)  # ids of files whose documents must outlive this run
    half_read: set[Path] = field(default_factory=set)  # roots below which it can't be known what vanished

    def __post_init__(self) -> None:
        self.counter = TokenCounter(self.encoder.count_tokens)

    @property
    def done_count(self) -> int:
        """Documents that nothing more is to be done for."""
        return self.new_count + self.changed_count + self.unchanged_count + len(self.failed)

    def tell(self, encoded_count: int = 0) -> None:
        """Report; `encoded_count` documents are encoded but not yet written."""
        done = self.done_count + encoded_count
        self.report(Progress("ingest", done, max(done, self.expected_count), "documents"))


def _read(run: _Run, discovery: Discovery) -> Iterator[Document]:
    for folder in discovery.unlisted:
        run.half_read.add(folder.root)
        run.failed.append(Failure(clean_line(str(folder.root)), str(folder.error)))
    for file in discovery.files:
        try:
            for item in read_file(file):
                yield from _accepted(run, file, item)
        except ReadError as error:
            _note_failure(run, file, error)


def _accepted(run: _Run, file: SourceFile, item: Item) -> Iterator[Document]:
    match item:
        case TableColumns():
            run.tables.append(item)
        case ReadError():
            _note_failure(run, file, item)
        case Found(document, place) if first := run.places.get(document.id):
            reason = f"The document id {document.id!r} of {place} is that of {first} already. Give each its own."
            run.failed.append(Failure(file.id, reason))
        case Found(document, place):
            run.places[document.id] = place
            yield fit_title(document, run.settings.chunking, run.counter)


def _note_failure(run: _Run, file: SourceFile, error: ReadError) -> None:
    run.failed.append(Failure(file.id, str(error)))
    run.unreadable.add(file.id)
    if is_table(file) and not isinstance(error, TableError):
        run.half_read.add(file.root)  # ids are known of the rows that were read, but not of this one


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
        chunks = tuple(chunk_document(document, run.settings.chunking, run.counter))
        batch.append(_Chunked(document, chunks, is_changed))
        chunk_count += len(chunks)
        if chunk_count >= run.settings.batch_chunks:
            yield batch
            batch, chunk_count = [], 0
    if batch:
        yield batch


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


def _prune(run: _Run, paths: Sequence[Path]) -> int:
    """Remove what vanished; a root whose files could not all be read is left alone, and that is reported."""
    origins = []
    for root in sorted({path.expanduser().resolve() for path in paths}):
        if any(half_read.is_relative_to(root) for half_read in run.half_read):
            reason = "Nothing was pruned here: not all of it could be read. Mend what failed, then prune again."
            run.failed.append(Failure(clean_line(str(root)), reason))
        else:
            origins.append(clean_line(str(root)))
    return run.sink.prune(origins, run.places.keys() | run.unreadable) if origins else 0
