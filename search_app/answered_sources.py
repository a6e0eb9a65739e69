"""What to learn from, as answered queries: a file, judgements, and the corpus itself.

A query that is held out for the gate comes from none of them. Queries stream; what came from where is counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.judgements import Split, query_key
from search_app.catalog.near_queries import NearQueries
from search_app.encoders import CachedEncoder, Encoders
from search_app.errors import TrainingError, UsageError
from search_app.feedback import qrels_of
from search_app.judged_queries import conflicts, judged_queries
from search_app.requests import Sources
from search_app.twin.corpus_pairs import CORPUS_PAIRS, CorpusText, sample
from search_app.twin.example_files import read_examples
from search_app.twin.examples import AnsweredQuery, Example, Examples, Provenance, Shape
from search_app.twin.findings import Finding, Severity

_SAMPLE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Stream:
    """Answered queries of one origin; `total` is how many there are at most."""

    origin: str
    queries: Iterable[AnsweredQuery]
    total: int
    is_asked_by_people: bool = True


class AnsweredSources:
    """The sources of one training, with a record of what they gave.

    Attributes:
        given: The examples of the file, if one is named.
        counts: How many examples came from what, filled by whoever makes them of the queries.

    Raises:
        TrainingError: The file can't be read.
        UsageError: There is no such way to make examples of a corpus.
    """

    def __init__(self, catalog: Catalog, encoders: Encoders, sources: Sources) -> None:
        unknown = sorted(set(sources.from_corpus) - set(CORPUS_PAIRS))
        if unknown:
            raise UsageError(f"A corpus gives no examples by {unknown[0]!r}; choose from {', '.join(CORPUS_PAIRS)}.")
        self._catalog = catalog
        self._encoders = encoders
        self._sources = sources
        self._findings: list[Finding] = []
        self._held_out: list[str] = []
        self.given = read_examples(Path(sources.pairs), score_range=sources.score_range) if sources.pairs else None
        self.counts: Counter[str] = Counter()

    @cached_property
    def live(self) -> Generation:
        """The generation whose documents are learned from.

        Raises:
            UnknownCollection, TrainingError: There is no such collection, or it holds nothing.
        """
        live = self._catalog.collections.live(self._sources.collection)
        if live is None:
            raise TrainingError(
                f"Collection {self._sources.collection!r} holds nothing yet; ingest documents before training on it."
            )
        return live

    @cached_property
    def encoder(self) -> CachedEncoder:
        """The encoder that filled the live generation."""
        return self._encoders.filling(self.live, self._sources.collection)

    @property
    def is_one_file(self) -> bool:
        """Whether a file is the only source."""
        return bool(self._sources.pairs) and not (self._sources.from_judgements or self._sources.from_corpus)

    @property
    def provenance(self) -> Provenance:
        """What is known by now about where the examples come from."""
        columns = self.given.provenance.columns if self.given else {}
        return Provenance(dict(self.counts), columns, (*self._findings, *self._left_out()))

    def streams(self, *, is_grouping: bool) -> Iterator[Stream]:
        """One stream a source; with grouping, all rows that a file has on a query come as one."""
        sources = self._sources
        if self.given is not None:
            yield self._file_stream(self.given, is_grouping=is_grouping)
        if sources.from_judgements or not (sources.pairs or sources.from_corpus):
            yield self._judged_stream()
        for way in sources.from_corpus:
            yield self._corpus_stream(way)

    def refuse_nothing(self) -> NoReturn:
        """Raise TrainingError, with what to do, because no source gave an example."""
        name = self._sources.collection
        reason = "The file gives" if self.given else f"The documents of collection {name!r} give"
        if not (self._sources.pairs or self._sources.from_corpus):
            reason = f"The judgements of collection {name!r} give"
        raise TrainingError(
            f"{reason} nothing to learn from. Judge hits as good first (thumbs in the page, or `twinsearch judge`), "
            "import judged queries with `twinsearch judgements import`, or train without judgements: on a file with "
            "--pairs, or on the documents themselves with --from-corpus."
        )

    def _file_stream(self, given: Examples, *, is_grouping: bool) -> Stream:
        if given.shape is not Shape.QUERIES:
            raise TrainingError(
                f"The file has examples of {given.shape.value}; expected {Shape.QUERIES.value} where negatives are "
                "mined or other sources are learned from besides. Train on it alone, or name its columns so."
            )
        queries = _by_query(given.rows) if is_grouping else [_answered([row]) for row in given.rows]
        return Stream("file", self._without_held_out(queries), len(queries))

    def _judged_stream(self) -> Stream:
        judged = self._catalog.judgements.current(self.live.collection_id, split=Split.TRAIN)
        self._findings += conflicts(judged)
        per_query = self._sources.per_query
        queries = judged_queries(self._catalog, self.live, self.encoder, judged, per_query=per_query)
        return Stream("judgements", self._without_held_out(queries), len(qrels_of(judged)))

    def _corpus_stream(self, way: str) -> Stream:
        pairs = self._without_held_out(CORPUS_PAIRS[way](self._corpus()))
        kept = sample(pairs, self._sources.corpus_limit, seed=self._sources.seed)
        return Stream(f"corpus {way}", kept, len(kept), is_asked_by_people=False)

    def _corpus(self) -> Iterator[CorpusText]:
        for one in self._catalog.documents.all_passages(self.live):
            chunk = one.chunk
            yield CorpusText(chunk.document_id, one.title, chunk.text, chunk.headings, chunk.start)

    def _without_held_out(self, queries: Iterable[AnsweredQuery]) -> Iterator[AnsweredQuery]:
        for one in queries:
            if self._held_out_queries.find(query_key(one.query)):
                self._held_out.append(one.query)
            else:
                yield one

    @cached_property
    def _held_out_queries(self) -> NearQueries:
        collection = self._catalog.collections.find(self._sources.collection)
        judged = self._catalog.judgements.current(collection.id, split=Split.HELDOUT) if collection else ()
        return NearQueries(dict.fromkeys(query_key(one.query) for one in judged))

    def _left_out(self) -> Iterator[Finding]:
        if self._held_out:
            yield Finding(
                Severity.WARNING,
                "held-out",
                "a query is held out for the gate, or nearly the same as one that is, and was left out",
                len(self._held_out),
                self._held_out[0][:_SAMPLE_CHARACTERS],
                "Nothing must be done: what is trained on can't be measured with.",
            )


def _by_query(rows: Sequence[Example]) -> list[AnsweredQuery]:
    grouped: defaultdict[str, list[Example]] = defaultdict(list)
    for row in rows:
        grouped[row.texts[0]].append(row)
    return [_answered(own) for own in grouped.values()]


def _answered(rows: Sequence[Example]) -> AnsweredQuery:
    """Rows of one query; a file says nothing about documents, so its answers have keys that no document has."""
    answers = dict.fromkeys(row.texts[1] for row in rows)
    rejected = dict.fromkeys(text for row in rows for text in row.texts[2:])
    return AnsweredQuery(
        rows[0].texts[0], {f"\0{number}": text for number, text in enumerate(answers)}, rejected=tuple(rejected)
    )
