"""Turns answered queries into the examples of one training, with or without mined negatives."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from ingest.progress import Report
from search_app.answered_sources import AnsweredSources, Stream
from search_app.mining import Miner, SuspectNotes
from search_app.twin.examples import Example, Examples, Shape, query_positive
from search_app.twin.negatives import MinedQuery, MiningSettings

MINED = "mined negatives"
_NEGATIVES_OF = {"judgements": "rejected hits", "file": "negatives of the file"}


def gather(sources: AnsweredSources) -> Examples:
    """The examples of the sources as they are; a file alone may have any shape.

    Raises:
        TrainingError: The sources give nothing, or can't be learned from together.
    """
    if sources.is_one_file and sources.given and sources.given.shape is not Shape.QUERIES:
        return sources.given
    rows = chain.from_iterable(_rows(sources, stream) for stream in sources.streams(is_grouping=False))
    return _examples(sources, rows)


def gather_mined(sources: AnsweredSources, mined: Iterable[MinedQuery]) -> Examples:
    """The examples of the sources with the negatives that `mine_sources` found for them.

    Raises:
        TrainingError: The sources give nothing.
    """
    return _examples(sources, chain.from_iterable(one.examples for one in mined))


def mine_sources(
    sources: AnsweredSources, miner: Miner, settings: MiningSettings, notes: SuspectNotes | None, report: Report
) -> Iterator[MinedQuery]:
    """What a search finds for each query of the sources; nothing is held but a batch."""
    for stream in sources.streams(is_grouping=True):
        for one in miner.mine(stream.queries, settings, total=stream.total, report=report):
            _count(sources, stream, one.examples, one.mined_count)
            if notes is not None:
                notes.note(one, is_for_people=stream.is_asked_by_people)
            yield one


def _rows(sources: AnsweredSources, stream: Stream) -> Iterator[Example]:
    for one in stream.queries:
        rows = [query_positive(one.query, answer, one.rejected) for answer in one.answers.values()]
        _count(sources, stream, rows, 0)
        yield from rows


def _count(sources: AnsweredSources, stream: Stream, rows: Sequence[Example], mined_count: int) -> None:
    counts = sources.counts
    negative_count = sum(len(row.texts) - 2 for row in rows)
    found = {MINED: mined_count, _NEGATIVES_OF.get(stream.origin, ""): negative_count - mined_count}
    counts[stream.origin] += len(rows)
    counts.update({name: count for name, count in found.items() if count})


def _examples(sources: AnsweredSources, rows: Iterable[Example]) -> Examples:
    """Rows of query, positive and negatives; a text that many rows have is held once."""
    held: dict[str, str] = {}
    kept = tuple(replace(row, texts=tuple(held.setdefault(text, text) for text in row.texts)) for row in rows)
    if not kept:
        sources.refuse_nothing()
    held_out = sources.given.held_out if sources.given else ()
    return Examples(Shape.QUERIES, kept, held_out, provenance=sources.provenance)
