"""Cuts, encodes and writes what was read, each while the other two are at work on what comes before or after it.

The encoder runs in the thread of the caller, and so do tally and listeners; chunks are cut by a thread ahead of it,
and the sink writes in one behind it. What is on its way is bounded: a group being cut, a part being encoded, a batch
that fills, and one that is written. Order is kept throughout, so a file is written down after all of its documents.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, chain, islice, takewhile
from threading import Event

from ingest.ahead import ahead
from ingest.behind import Behind
from ingest.chunking import Chunk, ChunkingSettings, iter_chunks, passage
from ingest.counting import TokenCounter
from ingest.documents import Document
from ingest.errors import ReadError, TooLarge
from ingest.sink import EncodedDocument, Encoder, Failure, FileOutcome, Sink, Vectors
from ingest.tally import FileTally, Tally

_FILES_TOGETHER = 1000  # written down at once where there are no chunks to write
_ENCODED_TOGETHER = 512  # passages: enough to sort by length, few enough to stop within seconds
_BYTES_TOGETHER = 20_000_000  # of documents in memory: one may weigh as much as a thousand others
_WORTH_WRITING = 1000  # chunks, to a sink that has nothing else to do: so little is left to write at the end


@dataclass(frozen=True, slots=True)
class Work:
    """What documents are taken in with, and how."""

    encoder: Encoder
    sink: Sink
    tally: Tally
    counter: TokenCounter
    chunking: ChunkingSettings
    most_chunks: int
    batch_chunks: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A document of a file that the sink doesn't hold as it is, or the file's end (None)."""

    file: FileTally
    document: Document | None
    is_changed: bool = False


def take_in(work: Work, groups: Iterable[Sequence[Pending]]) -> None:
    """Bring all of it into the sink; after a stop, what was encoded by then.

    Raises:
        Exception: What a listener raised to stop the work, once all that was encoded is written.
    """
    with Behind() as behind, closing(ahead(partial(_cut, work), groups, depth=1)) as cut:
        writer = _Writer(work, behind)
        for part in _parts(work, cut):
            if part.documents:
                writer.open()
            writer.take(part, _encoded(work, part))
            if work.tally.stopped_by:
                break
        writer.finish()
    if work.tally.stopped_by:
        raise work.tally.stopped_by


@dataclass(frozen=True, slots=True)
class _Cut:
    pending: Pending
    chunks: tuple[Chunk, ...] = ()
    error: ReadError | None = None


@dataclass(frozen=True, slots=True)
class _Chunked:
    document: Document
    chunks: tuple[Chunk, ...]
    is_changed: bool


@dataclass(slots=True)
class _Part:
    """Documents that are encoded together, and files that end among them, with how many documents come before that."""

    documents: list[_Chunked] = field(default_factory=list)
    files: list[tuple[int, FileOutcome]] = field(default_factory=list)
    chunk_count: int = 0
    weight: int = 0

    def is_full(self, most_chunks: int) -> bool:
        """Whether it holds as much as is encoded at once."""
        return self.chunk_count >= most_chunks or len(self.files) >= _FILES_TOGETHER or self.weight >= _BYTES_TOGETHER


def _cut(work: Work, group: Sequence[Pending], is_over: Event) -> list[_Cut]:
    """The group with its documents cut into chunks; all of them, unless nobody waits any longer."""
    return [_cut_one(work, one, is_over) for one in takewhile(lambda _: not is_over.is_set(), group)]


def _cut_one(work: Work, one: Pending, is_over: Event) -> _Cut:
    if one.document is None:
        return _Cut(one)
    found = takewhile(lambda _: not is_over.is_set(), iter_chunks(one.document, work.chunking, work.counter))
    chunks = tuple(islice(found, work.most_chunks + 1))
    if len(chunks) <= work.most_chunks:
        return _Cut(one, chunks)
    most = f"more than {work.most_chunks:,} chunks"
    return _Cut(one, error=TooLarge(f"{one.document.id!r} has {most}. Split it, or raise the limit `chunks`."))


def _parts(work: Work, groups: Iterable[Sequence[_Cut]]) -> Iterator[_Part]:
    """All of it in parts that are encoded at once; a document is never divided."""
    most_chunks = min(_ENCODED_TOGETHER, work.batch_chunks)
    part = _Part()
    for one in chain.from_iterable(groups):
        if part.documents and part.chunk_count + len(one.chunks) > most_chunks:
            yield part
            part = _Part()
        _add(work, part, one)
        if part.is_full(most_chunks):
            yield part
            part = _Part()
    if part.documents or part.files:
        yield part


def _add(work: Work, part: _Part, one: _Cut) -> None:
    file, document = one.pending.file, one.pending.document
    if document is None:
        part.files.append((len(part.documents), file.outcome()))
    elif one.error is not None:
        work.tally.fail(file, Failure(document.id, str(one.error)))
    else:
        part.documents.append(_Chunked(document, one.chunks, one.pending.is_changed))
        part.chunk_count += len(one.chunks)
        part.weight += document.weight
        file.document_count += 1
        work.tally.read += 1


def _encoded(work: Work, part: _Part) -> list[EncodedDocument]:
    """The part's documents with a vector for each chunk; after a stop, those that were encoded by then."""
    texts = [passage(one.document.title, chunk.headings, chunk.text) for one in part.documents for chunk in one.chunks]
    ends = list(accumulate(len(one.chunks) for one in part.documents))
    vectors: list[Vectors] = []
    for start in range(0, len(texts), _ENCODED_TOGETHER):
        if work.tally.stopped_by:
            break
        vectors.append(work.encoder.encode(texts[start : start + _ENCODED_TOGETHER], kind="document"))
        work.tally.tell(just_encoded=bisect_right(ends, start + _ENCODED_TOGETHER))
    return list(_with_vectors(part.documents, ends, vectors))


def _with_vectors(
    documents: Sequence[_Chunked], ends: Sequence[int], parts: Sequence[Vectors]
) -> Iterator[EncodedDocument]:
    """The documents all of whose chunks have a vector; one without any has them."""
    import numpy as np  # here, so that whoever reads files only doesn't wait for it

    vectors = np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
    for one, start, end in zip(documents, [0, *ends], ends, strict=False):
        if end <= len(vectors):
            yield EncodedDocument(one.document, one.chunks, vectors[start:end])


@dataclass(slots=True)
class _Batch:
    """What is written at once: encoded documents, and the files that end with them."""

    documents: list[EncodedDocument] = field(default_factory=list)
    files: list[FileOutcome] = field(default_factory=list)
    chunk_count: int = 0
    changed_count: int = 0
    weight: int = 0
    copies: Collection[str] = ()  # once it is written


@dataclass(slots=True)
class _Writer:
    """Gathers what is encoded and has it written behind the encoder's back, a batch at a time."""

    work: Work
    behind: Behind
    _filling: _Batch = field(default_factory=_Batch)
    _written: _Batch = field(default_factory=_Batch)
    _is_open: bool = False

    def open(self) -> None:
        """Let the sink get ready, for which it may need as long as the encoder for its first part."""
        if not self._is_open:
            self._is_open = True
            self.behind.do(self.work.sink.open)

    def take(self, part: _Part, encoded: Sequence[EncodedDocument]) -> None:
        """Take as much of the part as is encoded."""
        batch, tally = self._filling, self.work.tally
        batch.documents += encoded
        batch.files += [outcome for before, outcome in part.files if before <= len(encoded)]
        batch.chunk_count += sum(len(one.chunks) for one in encoded)
        batch.weight += sum(one.document.weight for one in encoded)
        batch.changed_count += sum(one.is_changed for one in part.documents[: len(encoded)])
        tally.encoded += len(encoded)
        tally.unwritten += len(encoded)
        if self._is_due():
            self._write()

    def finish(self) -> None:
        """Write what is left, and return when all is durable."""
        self._write()
        self._settle()

    def _is_due(self) -> bool:
        batch = self._filling
        is_full = (
            batch.chunk_count >= self.work.batch_chunks
            or len(batch.files) >= _FILES_TOGETHER
            or batch.weight >= _BYTES_TOGETHER
        )
        return is_full or (batch.chunk_count >= _WORTH_WRITING and self.behind.is_idle)

    def _write(self) -> None:
        self._settle()
        self._written, self._filling = self._filling, _Batch()
        if self._written.documents or self._written.files:
            self.behind.do(partial(self.work.sink.note, self.work.tally.stages))
            self.behind.do(partial(self._hand_over, self._written))

    def _hand_over(self, batch: _Batch) -> None:
        batch.copies = self.work.sink.write(batch.documents, batch.files)

    def _settle(self) -> None:
        """Wait for the batch that is being written, and count it."""
        self.behind.wait()
        tally, written = self.work.tally, self._written
        tally.written(len(written.documents), written.changed_count)
        for one in (one for one in written.documents if one.document.id not in written.copies):
            tally.cut(one.document.id, one.chunks, self.work.encoder.max_tokens)
        self._written = _Batch()
        tally.tell()
