"""Takes paths in and hands encoded documents to a sink, a batch at a time.

What `Sink.write` has returned for is durable; whatever stops the work between two batches loses none of it.
A batch is written while the next one is read and encoded; no step holds more than a batch.
A file that is as it was when its documents were committed isn't even opened.
"""

import time
from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, groupby, islice
from operator import itemgetter
from pathlib import Path

from ingest.behind import Behind
from ingest.chunking import Chunk, ChunkingSettings, fit_title, iter_chunks, passage
from ingest.cleaning import clean_line
from ingest.counting import TokenCounter
from ingest.discovery import Discovery, SourceFile, discover
from ingest.documents import Document
from ingest.errors import ReadError, TooLarge
from ingest.progress import Report
from ingest.readers import READERS, count_documents
from ingest.readers.found import Begun, Broken, Expected, Found, Skipped, TableColumns, Told
from ingest.sandbox.ahead import ParsingSettings, parse_files
from ingest.seen import Seen
from ingest.sink import EncodedDocument, Encoder, Failure, FileOutcome, HeldDocument, Sink, Vectors
from ingest.stamps import reading_key, stamp_of
from ingest.summary import IngestSummary
from ingest.tally import FileTally, Tally

_LOOKED_UP_TOGETHER = 256  # documents or files
_FILES_TOGETHER = 1000  # written down at once where there are no chunks to write
_ENCODED_TOGETHER = 512  # passages: enough to sort by length, few enough to stop within seconds


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How an ingest works.

    Args:
        chunking: How documents are cut.
        prune: Remove documents whose files are gone.
        again: Read every file, also those that haven't changed.
        batch_chunks: Chunks from one flush to the next.
        parsing: How files are read.
    """

    chunking: ChunkingSettings
    prune: bool = False
    again: bool = False
    batch_chunks: int = 5000
    parsing: ParsingSettings = field(default_factory=ParsingSettings)


def ingest(
    paths: Sequence[Path], *, encoder: Encoder, sink: Sink, settings: IngestSettings, report: Report
) -> IngestSummary:
    """Bring the sink up to date with the files; a file or a row that fails costs only itself.

    An exception out of `report` stops the work, once what is encoded is written.

    Raises:
        SourceNotFound: A path doesn't exist; nothing was done.
    """
    begun = time.monotonic()
    discovery = discover(paths, suffixes=READERS)
    tally = Tally(report)
    with closing(Seen()) as seen:
        run = _Run(encoder, sink, settings, seen, tally)
        files = list(_changed_files(run, discovery.files))
        limits = settings.parsing.limits
        tally.expected = tally.unchanged + sum(count_documents(file.source.path, limits) for file in files)
        tally.tell()
        sink.note(tally.stages)
        with closing(_read(run, discovery, files)) as read, Behind() as behind:  # whatever stops it ends the parsers
            _take_in(run, _batches(run, _pending(run, read)), behind)
        tally.skipped.update(dict(discovery.skipped))
        if settings.prune:
            tally.removed = _prune(run, discovery.roots)
    tally.expected = tally.finished
    tally.tell()
    sink.note(tally.stages)
    return tally.summary(time.monotonic() - begun)


@dataclass(slots=True)
class _Run:
    """One ingest under way: what it works with, and what it must know to its end."""

    encoder: Encoder
    sink: Sink
    settings: IngestSettings
    seen: Seen
    tally: Tally
    counter: TokenCounter = field(init=False)
    unreadable: set[str] = field(default_factory=set)  # ids of files whose documents must outlive this run
    half_read: set[Path] = field(default_factory=set)  # roots below which it can't be known what vanished

    def __post_init__(self) -> None:
        self.counter = TokenCounter(self.encoder.count_tokens)


@dataclass(frozen=True, slots=True)
class _File:
    """A file that must be read, with its stamp from before that."""

    source: SourceFile
    stamp: str


@dataclass(frozen=True, slots=True)
class _Read:
    """A document of a file, or the file's end (None)."""

    file: FileTally
    document: Document | None
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class _Chunked:
    document: Document
    chunks: tuple[Chunk, ...]
    is_changed: bool


@dataclass(slots=True)
class _Batch:
    """Documents in their order, and each file that ends among them, with the number of documents before its end."""

    documents: list[_Chunked] = field(default_factory=list)
    files: list[tuple[int, FileOutcome]] = field(default_factory=list)
    chunk_count: int = 0

    def is_full(self, batch_chunks: int) -> bool:
        return self.chunk_count >= batch_chunks or len(self.files) >= _FILES_TOGETHER


def _changed_files(run: _Run, files: Iterable[SourceFile]) -> Iterator[_File]:
    """The files that aren't as they were when all of their documents were committed."""
    key = reading_key(run.settings.parsing, run.settings.chunking)
    remaining = iter(files)
    while group := list(islice(remaining, _LOOKED_UP_TOGETHER)):
        known = {} if run.settings.again else run.sink.known_files([file.origin for file in group])
        for file in group:
            stamp, before = stamp_of(file.path, key), known.get(file.origin)
            if before is not None and stamp and before.stamp == stamp:
                run.seen.leave_unread(file.origin)
                run.tally.unchanged += before.document_count
                run.tally.skipped.update(dict(before.skipped))
            else:
                yield _File(file, stamp)


def _read(run: _Run, discovery: Discovery, files: Sequence[_File]) -> Generator[_Read, None, None]:
    for folder in discovery.unlisted:
        run.half_read.add(folder.root)
        run.tally.fail(None, Failure(clean_line(str(folder.root)), str(folder.error)))
    stamps = iter(files)
    with closing(parse_files([file.source for file in files], run.settings.parsing)) as parsed:
        for source, told in groupby(parsed, key=itemgetter(0)):
            stamp = next(file.stamp for file in stamps if file.source is source)
            tally = FileTally(source.origin, source.id, stamp)
            for _, item in told:
                for document in _accepted(run, discovery, source, item, tally):
                    yield _Read(tally, document)
            run.tally.tell()
            yield _Read(tally, None)


def _accepted(run: _Run, discovery: Discovery, file: SourceFile, item: Told, tally: FileTally) -> Iterator[Document]:
    match item:
        case Found(document, place) if first := run.seen.take(document.id, place):
            run.tally.fail(tally, _taken(file, document.id, place, first))
        case Found(document):
            yield fit_title(document, run.settings.chunking, run.counter)
        case Broken(source, reason, hides_ids):
            run.tally.fail(tally, Failure(source, reason))
            run.unreadable.add(source)
            if hides_ids:
                run.half_read.add(file.path if file.path in discovery.roots else file.root)
        case TableColumns():
            run.tally.tables.append(item)
        case Expected(count):
            run.tally.expected += count - 1
        case Skipped(kind):
            run.tally.skipped[kind] += 1
            tally.skipped[kind] += 1
        case Begun():
            run.tally.expected += 1


def _taken(file: SourceFile, document_id: str, place: str, first: str) -> Failure:
    reason = f"The document id {document_id!r} of {place} is that of {first} already. Give each its own."
    return Failure(file.id, reason)


def _pending(run: _Run, read: Iterator[_Read]) -> Iterator[_Read]:
    """The documents that the sink doesn't hold as they are, and the ends of files; none after a stop."""
    while not run.tally.stopped_by and (group := list(islice(read, _LOOKED_UP_TOGETHER))):
        held = run.sink.held([one.document.id for one in group if one.document])
        for one in group:
            document = one.document
            before = held.get(document.id) if document else None
            if document is None or before is None:
                yield one
            elif before.content_hash == document.content_hash:
                run.tally.unchanged += 1
                one.file.document_count += 1
            elif _lies_elsewhere(run, document, before):
                reason = f"The document id {document.id!r} is that of {before.origin} already. Give each its own."
                run.tally.fail(one.file, Failure(one.file.source, reason))
            else:
                yield _Read(one.file, document, is_changed=True)
        run.tally.tell()


def _lies_elsewhere(run: _Run, document: Document, before: HeldDocument) -> bool:
    """Whether another file, which is as it was, has a document with this id."""
    return before.origin != document.origin and run.seen.is_unread(before.origin)


def _batches(run: _Run, pending: Iterator[_Read]) -> Iterator[_Batch]:
    batch = _Batch()
    for one in pending:
        if one.document is None:
            batch.files.append((len(batch.documents), one.file.outcome()))
        else:
            _add(run, batch, one.file, _Chunked(one.document, (), one.is_changed))
        if batch.is_full(run.settings.batch_chunks):
            yield batch
            batch = _Batch()
    if batch.documents or batch.files:
        yield batch


def _add(run: _Run, batch: _Batch, file: FileTally, one: _Chunked) -> None:
    try:
        chunks = _chunks(run, one.document)
    except ReadError as error:
        run.tally.fail(file, Failure(one.document.id, str(error)))
        return
    batch.documents.append(_Chunked(one.document, chunks, one.is_changed))
    batch.chunk_count += len(chunks)
    file.document_count += 1
    run.tally.read += 1


def _chunks(run: _Run, document: Document) -> tuple[Chunk, ...]:
    most = run.settings.parsing.limits.chunks
    chunks = tuple(islice(iter_chunks(document, run.settings.chunking, run.counter), most + 1))
    if len(chunks) > most:
        raise TooLarge(f"{document.id!r} has more than {most:,} chunks. Split it, or raise the limit `chunks`.")
    return chunks


def _take_in(run: _Run, batches: Iterator[_Batch], behind: Behind) -> None:
    """Encode batch after batch, each while the one before is written; after a stop, write what is encoded."""
    tally = run.tally
    being_written: Sequence[_Chunked] = ()
    for batch in batches:
        behind.do(partial(run.sink.note, tally.stages))
        encoded = _encode(run, batch)
        behind.wait()
        _count_written(run, being_written)
        being_written = batch.documents[: len(encoded)]
        tally.being_written = len(encoded)
        tally.tell()
        behind.do(partial(run.sink.note, tally.stages))
        files = [outcome for before, outcome in batch.files if before <= len(encoded)]
        behind.do(partial(run.sink.write, encoded, files))
    behind.wait()
    _count_written(run, being_written)
    tally.tell()
    if tally.stopped_by:
        raise tally.stopped_by


def _count_written(run: _Run, documents: Sequence[_Chunked]) -> None:
    run.tally.written(len(documents), sum(one.is_changed for one in documents))
    for one in documents:
        run.tally.cut(one.document.id, one.chunks, run.encoder.max_tokens)


def _encode(run: _Run, batch: _Batch) -> list[EncodedDocument]:
    """The batch's documents with a vector for each chunk; after a stop, those that were encoded by then."""
    texts = [passage(one.document.title, chunk.headings, chunk.text) for one in batch.documents for chunk in one.chunks]
    ends = list(accumulate(len(one.chunks) for one in batch.documents))
    parts: list[Vectors] = []
    for start in range(0, len(texts), _ENCODED_TOGETHER):
        if run.tally.stopped_by:
            break
        parts.append(run.encoder.encode(texts[start : start + _ENCODED_TOGETHER], kind="document"))
        run.tally.tell(just_encoded=bisect_right(ends, start + _ENCODED_TOGETHER))
    encoded = list(_with_vectors(batch.documents, ends, parts))
    run.tally.encoded += len(encoded)
    return encoded


def _with_vectors(
    documents: Sequence[_Chunked], ends: Sequence[int], parts: Sequence[Vectors]
) -> Iterator[EncodedDocument]:
    """The documents all of whose chunks have a vector."""
    if not parts:
        return
    import numpy as np  # here, so that whoever reads files only doesn't wait for it

    vectors = np.concatenate(parts)
    for one, start, end in zip(documents, [0, *ends], ends, strict=False):
        if end <= len(vectors):
            yield EncodedDocument(one.document, one.chunks, vectors[start:end])


def _prune(run: _Run, roots: Sequence[Path]) -> int:
    """Remove what vanished; a root whose files could not all be read is left alone, and that is reported."""
    origins = []
    for root in roots:
        if any(half_read.is_relative_to(root) for half_read in run.half_read):
            reason = "Nothing was pruned here: not all of it could be read. Mend what failed, then prune again."
            run.tally.fail(None, Failure(clean_line(str(root)), reason))
        else:
            origins.append(clean_line(str(root)))
    if not origins:
        return 0
    return run.sink.prune(origins, lambda key, origin: key in run.unreadable or run.seen.is_kept(key, origin))
