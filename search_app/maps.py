"""A picture of a collection: its passages as points of a plane, near each other where their vectors are near.

The plane is the one that shows most of the differences between vectors (principal components). What lies apart in it
is apart in truth; what lies together may still be apart in directions that it doesn't show. Or the places are given,
as `arranging` finds them. At most `POINTS_MOST` passages are drawn, every one as likely as any other; topics are groups
of the vectors, not of the points.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.documents import MetadataValue
from ingest.progress import Progress, Report
from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.catalog.passages import Passage
from search_app.clusters import cluster, nearest, telling_words, words_of
from search_app.errors import QueryError, UsageError
from search_app.index import VectorIndex
from search_app.marks import refuse_lost

POINTS_MOST = 20_000
TOPICS_MOST = 20

_FITTED_MOST = 4_000  # vectors that topics are found from; more take seconds and change little
_TEXT_CHARACTERS = 90
_TOPIC_WORDS = 3


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A passage; `topic` is a place in the map's topics, `text` the beginning of what it says."""

    chunk_id: str
    document_id: str
    title: str
    text: str
    metadata: Mapping[str, MetadataValue]
    topic: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class CollectionMap:
    """The picture of a generation.

    Attributes:
        passage_count: All passages; `points` are a sample of them where they are more than `POINTS_MOST`.
        topics: The words that tell each topic from the others, the largest topic first.
        shown_share: The part of all differences between the vectors that the plane shows, 0 to 1; None where the
            places were given, and there is no plane.
        middle: The mean of the vectors, (dim,).
        plane: Two directions, unit rows at right angles, (2, dim).
    """

    collection: str
    generation: int
    passage_count: int
    points: tuple[MapPoint, ...]
    topics: tuple[str, ...]
    shown_share: float | None
    middle: Vectors = field(repr=False, compare=False)
    plane: Vectors = field(repr=False, compare=False)

    def places(self, vectors: Vectors) -> Vectors:
        """Where vectors lie in the plane: (n, dim) to (n, 2)."""
        return ((vectors - self.middle) @ self.plane.T).astype(np.float32)


@dataclass(frozen=True, slots=True)
class MapSettings:
    """How to draw a map.

    Args:
        topic_count: 1 to `TOPICS_MOST`; fewer come out where there are fewer passages.
        seed: Where random choices begin; the same seed draws the same map.
        places: Where the passages lie, by chunk; those that have no place aren't drawn. None: in the principal plane.
    """

    topic_count: int = 8
    seed: int = 0
    places: Mapping[str, tuple[float, float]] | None = None


def draw_map(
    catalog: Catalog, index: VectorIndex, collection: str, settings: MapSettings, report: Report
) -> CollectionMap:
    """The map of a collection's live generation; `report` hears how many vectors were read.

    Raises:
        QueryError: The collection holds nothing yet.
        IndexFailure: Milvus has lost its vectors.
        UsageError: The count is out of range.
    """
    topic_count, seed, places = settings.topic_count, settings.seed, settings.places
    if not 1 <= topic_count <= TOPICS_MOST:
        raise UsageError(f"A map has no {topic_count} topics; choose a number from 1 to {TOPICS_MOST}.")
    live = catalog.collections.live(collection)
    total = catalog.documents.chunk_count(live.id) if live else 0
    if live is None or not total:
        raise QueryError(
            f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
        )
    refuse_lost(index, live, collection, total)
    ids, vectors = sampled(index.rows(live.physical_name), total, seed, report, only=places)
    passages = catalog.documents.passages(live, ids)
    kept = [place for place, chunk_id in enumerate(ids) if chunk_id in passages]  # the others were just replaced
    if not kept:
        raise QueryError(f"No passage of {collection!r} has a place any more. Arrange the collection again.")
    vectors, found = vectors[kept], [passages[ids[place]] for place in kept]
    middle, plane, shown_share = principal_plane(vectors)
    labels, topics = _topics(vectors, found, topic_count, seed)
    flat = ((vectors - middle) @ plane.T).tolist()
    where = flat if places is None else [places[passage.chunk.id] for passage in found]
    points = zip(found, labels, where, strict=True)
    drawn = tuple(_point(passage, topic, place) for passage, topic, place in points)
    share = shown_share if places is None else None
    return CollectionMap(collection, live.number, total, drawn, topics, share, middle, plane)


def principal_plane(vectors: Vectors) -> tuple[Vectors, Vectors, float]:
    """The mean of the rows, the two directions in which they differ most, and the share of the variance in these.

    Each direction is turned so that its largest component is positive: the same rows give the same picture.
    """
    middle = vectors.mean(axis=0)
    apart = (vectors - middle).astype(np.float64)
    variances, directions = np.linalg.eigh(apart.T @ apart)
    plane = directions[:, ::-1][:, :2].T
    largest = np.abs(plane).argmax(axis=1)
    plane = plane * np.where(plane[np.arange(len(plane)), largest] < 0, -1.0, 1.0)[:, None]
    whole = float(variances.sum())
    share = float(variances[::-1][:2].sum()) / whole if whole > 0 else 1.0
    return middle, plane.astype(np.float32), share


def sampled(
    pages: Iterable[tuple[list[str], Vectors]],
    total: int,
    seed: int,
    report: Report,
    *,
    only: Collection[str] | None = None,
) -> tuple[list[str], Vectors]:
    """At most POINTS_MOST rows with their ids: these, or else any, every one as likely as any other."""
    chosen = None
    if total > POINTS_MOST and only is None:
        chosen = set(np.random.default_rng(seed).choice(total, POINTS_MOST, replace=False).tolist())
    ids: list[str] = []
    rows: list[Vectors] = []
    done = 0
    for page_ids, vectors in pages:
        wanted = [
            place
            for place, chunk_id in enumerate(page_ids)
            if (chosen is None or done + place in chosen) and (only is None or chunk_id in only)
        ]
        ids += [page_ids[place] for place in wanted]
        rows.append(vectors[wanted])
        done += len(page_ids)
        report(Progress("read", min(done, total), total, "vectors"))
    return ids[:POINTS_MOST], np.concatenate(rows)[:POINTS_MOST]


def _topics(vectors: Vectors, passages: Sequence[Passage], count: int, seed: int) -> tuple[list[int], tuple[str, ...]]:
    """Each passage's topic, and the topics by their words, the largest first."""
    fitted = np.random.default_rng(seed).permutation(len(vectors))[:_FITTED_MOST]
    _, centres = cluster(vectors[fitted], min(count, len(fitted)), seed)
    labels = nearest(vectors, centres).tolist()
    order = [label for label, _ in Counter(labels).most_common()]
    places = {label: place for place, label in enumerate(order)}
    words = [Counter[str]() for _ in order]
    for label, passage in zip(labels, passages, strict=True):
        words[places[label]].update(words_of(passage.chunk.text))
    told = telling_words(words, _TOPIC_WORDS)
    named = tuple(", ".join(own) or f"topic {number}" for number, own in enumerate(told, 1))
    return [places[label] for label in labels], named


def _point(passage: Passage, topic: int, place: Sequence[float]) -> MapPoint:
    chunk = passage.chunk
    return MapPoint(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        title=passage.title or chunk.document_id,
        text=" ".join(chunk.text[: 2 * _TEXT_CHARACTERS].split())[:_TEXT_CHARACTERS],
        metadata=passage.metadata,
        topic=topic,
        x=round(float(place[0]), 4),
        y=round(float(place[1]), 4),
    )
