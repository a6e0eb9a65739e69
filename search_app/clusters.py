"""Groups a collection by its vectors: topics, each with its most central titles and the words that tell it from others.

k-means over unit vectors, fitted on a sample; then every passage goes to the nearest centre, a page of rows at a time,
so that no more of a collection than the sample is ever in memory. Begun from the same seed it gives the same topics.
"""

import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from ingest.progress import Progress, Report
from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.catalog.passages import Passage
from search_app.errors import QueryError, UsageError
from search_app.index import VectorIndex
from search_app.lexical import STOP_WORDS
from search_app.marks import refuse_lost

TOPICS_MOST = 200

_FITTED_MOST = 20_000  # vectors that the centres are found from
_SCORED_MOST = 2_000  # vectors that a number of topics is judged by; its cost grows with their square
_TRIED = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
_LEAST_PER_TOPIC = 5  # of the scored vectors, on average
_BEGINNINGS = 5  # the best of so many random ones
_TITLES = 3
_WORDS = 8
_HELD_TITLES = 200  # the nearest so far of a topic; the rest can't come back
_WORD = re.compile(r"[^\W\d_]{3,}")

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Topic:
    """Passages that lie together.

    Attributes:
        share: Of all passages.
        titles: Of the documents whose passages are nearest to the middle, the nearest first.
        words: Those that are frequent here and rare elsewhere, the most telling first.
    """

    number: int
    passage_count: int
    share: float
    titles: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a generation, the largest first.

    Attributes:
        silhouette: How well the groups are apart, -1 to 1, on a sample; 0 is no better than chance.
        centres: Unit rows (topics, dim), in the order of `topics`; `nearest` finds the topic of a vector.
    """

    collection: str
    generation: int
    passage_count: int
    silhouette: float
    topics: tuple[Topic, ...]
    centres: Vectors = field(repr=False, compare=False)


@dataclass(slots=True)
class _Gathered:
    """What is known of a topic while passages come by."""

    count: int = 0
    words: Counter[str] = field(default_factory=Counter)
    titles: dict[str, float] = field(default_factory=dict)  # the best cosine of each

    def take(self, passage: Passage, cosine: float) -> None:
        """Counts a passage in; `cosine` is how near it is to the topic's middle."""
        self.count += 1
        self.words.update(words_of(passage.chunk.text))
        title = passage.title or passage.chunk.document_id
        self.titles[title] = max(cosine, self.titles.get(title, -1.0))
        if len(self.titles) > 2 * _HELD_TITLES:
            self.titles = dict(nlargest(_HELD_TITLES, self.titles.items(), key=lambda pair: pair[1]))


def find_topics(
    catalog: Catalog, index: VectorIndex, collection: str, *, count: int | None, seed: int, report: Report
) -> Topics:
    """The topics of a collection's live generation.

    Args:
        count: How many; None takes the number whose groups are best apart.
        seed: Where random choices begin.
        report: Hears how many passages have found their topic.

    Raises:
        QueryError: The collection holds nothing yet.
        IndexFailure: Milvus has lost its vectors.
        UsageError: The count is out of range, or larger than the number of passages.
    """
    live = catalog.collections.live(collection)
    total = catalog.documents.chunk_count(live.id) if live else 0
    if live is None or not total:
        raise QueryError(
            f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
        )
    refuse_lost(index, live, collection, total)
    sample = _sample((vectors for _, vectors in index.rows(live.physical_name)), seed)
    chosen = _checked(count, len(sample)) if count is not None else best_count(sample, seed)
    _, centres = cluster(sample, chosen, seed)
    gathered = [_Gathered() for _ in centres]
    for ids, vectors in index.rows(live.physical_name):
        _gather(catalog.documents.passages(live, ids), ids, vectors @ centres.T, gathered)
        report(Progress("group", min(sum(one.count for one in gathered), total), total, "passages"))
    order = [place for place in np.argsort([-one.count for one in gathered], kind="stable") if gathered[place].count]
    topics = _topics([gathered[place] for place in order])
    counted = sum(topic.passage_count for topic in topics)
    return Topics(collection, live.number, counted, silhouette(sample, centres), topics, centres[order])


def cluster(vectors: Vectors, count: int, seed: int) -> tuple[Labels, Vectors]:
    """k-means over unit rows (n, dim): each row's group, and the groups' middles as unit rows (count, dim)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different vectors than groups: some stay empty
        found = KMeans(count, n_init=_BEGINNINGS, random_state=seed).fit(vectors)
    return found.labels_.astype(np.int64), _unit(found.cluster_centers_.astype(np.float32))


def nearest(vectors: Vectors, centres: Vectors) -> Labels:
    """The place of the centre that is nearest to each vector, (n,)."""
    places: Labels = (vectors @ centres.T).argmax(axis=1)
    return places


def best_count(sample: Vectors, seed: int) -> int:
    """The number of groups with the highest silhouette; 1 where there are too few vectors to tell."""
    scored = sample[:_SCORED_MOST]
    tried = [count for count in _TRIED if count * _LEAST_PER_TOPIC <= len(scored)]
    scores = {count: silhouette(scored, cluster(scored, count, seed)[1]) for count in tried}
    return max(tried, key=lambda count: scores[count], default=1)


def silhouette(sample: Vectors, centres: Vectors) -> float:
    """How well the groups around the centres are apart, -1 to 1; 0 where there is one group only."""
    from sklearn.metrics import silhouette_score

    scored = sample[:_SCORED_MOST]
    labels = nearest(scored, centres)
    if not 1 < len(set(labels.tolist())) < len(scored):
        return 0.0
    return float(silhouette_score(scored, labels, metric="cosine"))


def words_of(text: str) -> Iterator[str]:
    """The words that may tell a topic: letters only, no stop words, in lower case."""
    return (word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS)


def telling_words(counts: Sequence[Counter[str]], most: int) -> list[tuple[str, ...]]:
    """For each group the words with the highest c-TF-IDF: tf / group's words · log(1 + A / f).

    f is how often a word occurs in all groups together, A how many words a group has on average.

    Source: Grootendorst 2022, "BERTopic", arXiv:2203.05794, eq. 3.
    """
    everywhere = sum(counts, Counter[str]())
    average = everywhere.total() / max(len(counts), 1)
    told = []
    for own in counts:
        weights = {word: count * math.log(1 + average / everywhere[word]) for word, count in own.items()}
        told.append(tuple(sorted(weights, key=lambda word: (-weights[word], word))[:most]))
    return told


def _checked(count: int, passage_count: int) -> int:
    if not 1 <= count <= min(TOPICS_MOST, passage_count):
        raise UsageError(
            f"{count} topics can't be found among {passage_count:,} passages; choose a number from 1 to "
            f"{min(TOPICS_MOST, passage_count)}."
        )
    return count


def _sample(pages: Iterable[Vectors], seed: int) -> Vectors:
    """At most _FITTED_MOST rows, every row as likely as any other, in random order (reservoir sampling)."""
    random = np.random.default_rng(seed)
    held: list[Vectors] = []
    for number, row in enumerate(row for page in pages for row in page):
        if number < _FITTED_MOST:
            held.append(row.copy())  # a view would keep its whole page in memory
        elif (place := int(random.integers(number + 1))) < _FITTED_MOST:
            held[place] = row.copy()
    return np.stack(held)[random.permutation(len(held))]


def _gather(
    passages: Mapping[str, Passage], ids: Sequence[str], cosines: Vectors, gathered: Sequence[_Gathered]
) -> None:
    for chunk_id, own in zip(ids, cosines, strict=True):
        if chunk_id in passages:  # what was replaced a moment ago belongs to no topic
            place = int(own.argmax())
            gathered[place].take(passages[chunk_id], float(own[place]))


def _topics(gathered: Sequence[_Gathered]) -> tuple[Topic, ...]:
    total = sum(one.count for one in gathered)
    words = telling_words([one.words for one in gathered], _WORDS)
    return tuple(
        Topic(
            number=number,
            passage_count=one.count,
            share=one.count / total,
            titles=tuple(sorted(one.titles, key=lambda title: (-one.titles[title], title))[:_TITLES]),
            words=own,
        )
        for number, (one, own) in enumerate(zip(gathered, words, strict=True), 1)
    )


def _unit(rows: Vectors) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = rows / np.maximum(lengths, np.float32(1e-12))
    return unit
