"""Brings a sink up to date with files: tells what is new or has changed, and has that taken in.

What `Sink.write` has returned for is durable; whatever stops the work between two batches loses none of it.
A file that is as it was when its documents were committed isn't even opened.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from ingest.chunking import ChunkingSettings, fit_title
from ingest.cleaning import clean_path
from ingest.counting import TokenCounter
from ingest.discovery import Discovery, SourceFile, discover
from ingest.errors import IdTaken
from ingest.naming import Naming, by_path, names_of
from ingest.progress import Report
from ingest.pruning import Unknown, prune
from ingest.readers import READERS, count_documents
from ingest.readers.found import Begun, Broken, Expected, Found, Skipped, TableColumns, Told
from ingest.sandbox.ahead import ParsingSettings, parse_files
from ingest.seen import Seen
from ingest.sink import Encoder, Failure, HeldDocument, Sink
from ingest.stamps import reading_key, stamp_of
from ingest.summary import IngestSummary
from ingest.taking_in import Pending, Work, take_in
from ingest.tally import FileTally, Tally

_LOOKED_UP_TOGETHER = 256  # documents or files
_MOST_ROWS = 10**9  # a table may say of itself that it has more than any catalogue could write down
_CUT_TOGETHER = 500_000  # bytes in memory: about a second's work


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How an ingest works.

    Args:
        chunking: How documents are cut.
        prune: Remove documents whose files are gone.
        again: Read every file, also those that haven't changed.
        batch_chunks: Chunks from one flush to the next.
        parsing: How files are read.
        home: Where Twinsearch keeps its own files, which are left out of the folders above it.
    """

    chunking: ChunkingSettings
    prune: bool = False
    again: bool = False
    batch_chunks: int = 5000
    parsing: ParsingSettings = field(default_factory=ParsingSettings)
    home: Path | None = None


def ingest(
    paths: Sequence[Path], *, encoder: Encoder, sink: Sink, settings: IngestSettings, report: Report
) -> IngestSummary:
    """Bring the sink up to date with the files; a file or a row that fails costs only itself.

    An exception out of `report` stops the work, once what is encoded is written.

    Raises:
        SourceNotFound: A path doesn't exist; nothing was done.
    """
    begun = time.monotonic()
    discovery = discover(paths, suffixes=READERS, home=settings.home)
    tally = Tally(report)
    with closing(Seen()) as seen:
        run = _Run(encoder, sink, settings, seen, tally)
        files = list(_changed_files(run, discovery.files))
        limits = settings.parsing.limits
        tally.expected = tally.unchanged + sum(count_documents(file.source, limits) for file in files)
        tally.tell()
        sink.note(tally.stages)
        with closing(_read(run, discovery, files)) as read:  # whatever stops it ends the parsers
            take_in(run.work, _pending(run, read))
        tally.skipped.update(dict(discovery.skipped))
        if settings.prune:
            tally.removed, kept = prune(sink, discovery, seen, run.unknown)
            for failure in kept:
                tally.fail(None, failure)
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
    naming: Naming = field(init=False)
    unknown: Unknown = field(default_factory=Unknown)

    def __post_init__(self) -> None:
        self.counter = TokenCounter(self.encoder.count_tokens)
        self.naming = Naming(self.seen)

    @property
    def work(self) -> Work:
        """What documents are taken in with."""
        settings = self.settings
        return Work(
            self.encoder,
            self.sink,
            self.tally,
            self.counter,
            chunking=settings.chunking,
            most_chunks=settings.parsing.limits.chunks,
            batch_chunks=settings.batch_chunks,
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A file that must be read, with its stamp from before that."""

    source: SourceFile
    stamp: str


@dataclass(frozen=True, slots=True)
class _Read:
    """A document of a file as it was found, or the file's end (None)."""

    source: SourceFile
    file: FileTally
    found: Found | None


def _changed_files(run: _Run, files: Iterable[SourceFile]) -> Iterator[_File]:
    """The files that aren't as they were when all of their documents were committed."""
    key = reading_key(run.settings.parsing, run.settings.chunking)
    remaining = iter(files)
    while group := list(islice(remaining, _LOOKED_UP_TOGETHER)):
        known = {} if run.settings.again else run.sink.known_files([file.origin for file in group])
        for file in group:
            stamp, before = stamp_of(file.path, key), known.get(file.origin)
            if before is not None and stamp and before.stamp == stamp:
                run.seen.note_file(file.origin, is_read=False)
                run.tally.unchanged += before.document_count
                run.tally.skipped.update(dict(before.skipped))
            else:
                run.seen.note_file(file.origin, is_read=True)
                yield _File(file, stamp)


def _read(run: _Run, discovery: Discovery, files: Sequence[_File]) -> Generator[_Read, None, None]:
    for one in discovery.unlisted:
        run.unknown.paths.add(Path(clean_path(str(one.folder))))
        run.tally.fail(None, Failure(clean_path(str(one.folder)), str(one.error)))
    stamps = iter(files)
    with closing(parse_files([file.source for file in files], run.settings.parsing)) as parsed:
        for source, told in groupby(parsed, key=itemgetter(0)):
            stamp = next(file.stamp for file in stamps if file.source is source)
            tally = FileTally(source.origin, source.id, stamp)
            for _, item in told:
                if isinstance(item, Found):
                    yield _Read(source, tally, item)
                else:
                    _note(run, source, item, tally)
            run.tally.tell()
            yield _Read(source, tally, None)


def _note(run: _Run, file: SourceFile, item: Told, tally: FileTally) -> None:
    """Count what a parser told beside the documents."""
    match item:
        case Broken(source, reason, hides_ids):
            run.tally.fail(tally, Failure(source, reason))
            run.unknown.ids.update((source, by_path(file, source)))
            if hides_ids:
                run.unknown.paths.add(Path(file.origin))
        case TableColumns():
            run.tally.tables.append(item)
        case Expected(count):
            run.tally.expected += min(max(count, 1), _MOST_ROWS) - 1
        case Skipped(kind):
            run.tally.skipped[kind] += 1
            tally.skipped[kind] += 1
        case Begun():
            run.tally.expected += 1


def _pending(run: _Run, read: Iterator[_Read]) -> Iterator[list[Pending]]:
    """The documents that the sink doesn't hold as they are, and the ends of files; none after a stop."""
    for group in _groups(read):
        if run.tally.stopped_by:
            return
        held = run.sink.held([name for one in group if one.found for name in names_of(one.found, one.source)])
        pending = [one for read in group if (one := _compared(run, read, held))]
        if any(one.document for one in pending):
            _ = run.encoder.max_tokens  # an encoder that is loaded late is loaded by the thread that it works in
        run.tally.tell()
        yield pending


def _groups(read: Iterator[_Read]) -> Iterator[list[_Read]]:
    """All of it, as much together as is looked up and cut at once."""
    group: list[_Read] = []
    weight = 0
    for one in read:
        group.append(one)
        weight += one.found.document.weight if one.found else 0
        if len(group) == _LOOKED_UP_TOGETHER or weight >= _CUT_TOGETHER:
            yield group
            group, weight = [], 0
    if group:
        yield group


def _compared(run: _Run, read: _Read, held: Mapping[str, HeldDocument]) -> Pending | None:
    """What is to be done about what was read; None where that is nothing."""
    if read.found is None:
        return Pending(read.file, None)
    try:
        name = run.naming.name(read.found, read.source, held)
    except IdTaken as error:
        run.tally.fail(read.file, Failure(read.source.id, str(error)))
        return None
    document = fit_title(replace(read.found.document, id=name), run.settings.chunking, run.counter)
    before = held.get(name)
    if before is not None and before.content_hash == document.content_hash:
        run.tally.unchanged += 1
        read.file.document_count += 1
        return None
    return Pending(read.file, document, is_changed=before is not None)
