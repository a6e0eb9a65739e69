import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pytest

from ingest.chunking import ChunkingSettings
from ingest.counting import TokenCounter
from ingest.documents import Document
from ingest.progress import unheard
from ingest.sink import EncodedDocument, Encoder, FileOutcome, Sink, Vectors
from ingest.taking_in import Pending, Work, take_in
from ingest.tally import FileTally, Tally

WAIT_SECONDS = 30
FILE = FileTally("/docs/rows.csv", "docs/rows.csv")


def work_with(encoder: Encoder, sink: Sink) -> Work:
    counter = TokenCounter(encoder.count_tokens)
    return Work(encoder, sink, Tally(unheard), counter, ChunkingSettings(32), most_chunks=10, batch_chunks=5000)


def group(first: int, count: int, text: str = "text") -> list[Pending]:
    return [
        Pending(FILE, Document(str(number), "", f"{text} {number}", source="", origin=""))
        for number in range(first, first + count)
    ]


@dataclass
class Waiting:
    """An encoder that reads texts of one kind only when what it waits for has happened; it tells of counted ones."""

    delayed: str
    counted: threading.Event = field(default_factory=threading.Event)
    waits_for: threading.Event = field(default_factory=threading.Event)
    fingerprint: str = "waiting"
    dim: int = 2
    max_tokens: int = 64

    def count_tokens(self, text: str) -> int:
        if text == "second":
            self.counted.set()
        return len(text.split()) + 2

    def encode(self, texts: Sequence[str], *, kind: Literal["document", "query"] = "document") -> Vectors:
        assert kind == "document"
        assert not texts[0].startswith(self.delayed) or self.waits_for.wait(WAIT_SECONDS)
        return np.ones((len(texts), 2), np.float32)


def test_texts_are_cut_while_those_before_them_are_encoded(sink) -> None:
    encoder = Waiting(delayed="first")
    encoder.waits_for = encoder.counted
    take_in(work_with(encoder, sink), [group(0, 600, "first"), group(600, 1, "second")])
    assert len(sink.documents) == 601


def test_what_is_encoded_is_written_before_the_rest_is(sink) -> None:
    written = threading.Event()
    sink.write = lambda _batch, _files: written.set() or ()
    encoder = Waiting(delayed="second", waits_for=written)
    work = replace(work_with(encoder, sink), batch_chunks=1_000_000)
    take_in(work, [*(group(first, 500, "first") for first in range(0, 4_000, 500)), group(4_000, 1, "second")])
    assert work.tally.new == 4_001


def test_the_sink_gets_ready_only_for_documents(sink, encoder) -> None:
    take_in(work_with(encoder, sink), [[Pending(FILE, None)]])
    assert (sink.is_open, list(sink.files)) == (False, [FILE.origin])
    take_in(work_with(encoder, sink), [group(0, 1)])
    assert sink.is_open


def test_a_document_without_a_chunk_is_written_though_nothing_is_encoded_beside_it(sink, encoder) -> None:
    empty = Pending(FILE, Document("empty", "", "", source="", origin=""))
    work = work_with(encoder, sink)
    take_in(work, [[empty, Pending(FILE, None)]])
    assert (list(sink.documents), list(sink.files), work.tally.new) == (["empty"], [FILE.origin], 1)


def test_long_documents_that_are_kept_whole_are_written_before_many_of_them_fill_the_memory(sink, encoder) -> None:
    written: list[int] = []
    sink.write = lambda batch, _files: written.append(len(batch)) or ()
    work = replace(work_with(encoder, sink), chunking=ChunkingSettings(32, whole=True))
    take_in(work, (group(number, 1, "x" * 10_000_000) for number in range(7)))
    assert (sum(written), max(written)) == (7, 2)


class Full(Exception):
    """What a sink raises that has no room left."""


@pytest.mark.parametrize("fault", ["counting", "encoding", "writing", "reading"])
def test_whatever_goes_wrong_comes_out_and_no_thread_stays(fault: str, sink, encoder) -> None:
    def fail(*_: object, **__: object) -> int:
        raise Full

    def groups() -> Iterator[list[Pending]]:
        yield group(0, 10)
        if fault == "reading":
            fail()

    parts = {"counting": (encoder, "count_tokens"), "encoding": (encoder, "encode"), "writing": (sink, "write")}
    if fault in parts:
        setattr(*parts[fault], fail)
    before = threading.enumerate()
    with pytest.raises(Full):
        take_in(work_with(encoder, sink), groups())
    assert threading.enumerate() == before
    assert sink.documents == {}


def test_a_file_is_written_down_after_the_last_of_its_documents(sink, encoder) -> None:
    written: list[str] = []

    def write(batch: Sequence[EncodedDocument], files: Sequence[FileOutcome]) -> tuple[str, ...]:
        written.extend(one.document.id for one in batch)
        written.extend(one.source for one in files)
        return ()

    sink.write = write
    last = Pending(FileTally("/docs/a.csv", "a.csv"), None)
    work = work_with(encoder, sink)
    take_in(work, [[*group(0, 700), last], group(700, 700), [Pending(FILE, None)]])
    assert written.index("a.csv") > written.index("699")
    assert written[-1] == FILE.source
    assert work.tally.new == 1_400
