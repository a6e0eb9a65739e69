"""What a search is asked and what it answers, as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.documents import MetadataValue
from ingest.sink import Vectors
from search_app.filters import Filter
from search_app.fusion import Fusion
from search_app.retrieval import Mode


@dataclass(frozen=True, slots=True)
class Rerank:
    """A second stage: a cross-encoder reads the query together with the first documents, and orders them anew.

    Args:
        name: The cross-encoder: a folder, or a name of the model hub.
        top: How many documents it reads, from 1.
        milliseconds: After so long the order of the first stage stands; loading isn't counted.
    """

    name: str
    top: int = 50
    milliseconds: float = 500.0


@dataclass(frozen=True, slots=True)
class SecondStage:
    """What became of a rerank: `is_done` tells whether the time was enough for all `count` documents."""

    name: str
    count: int
    is_done: bool
    milliseconds: float

    @property
    def sentence(self) -> str:
        """For people."""
        if self.is_done:
            return f"{self.name} ordered the first {self.count} documents anew in {self.milliseconds:.0f} ms."
        return (
            f"{self.name} didn't read {self.count} documents within {self.milliseconds:.0f} ms, so the order of the "
            "first stage stands."
        )


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search.

    Args:
        k: Documents on the page, 1 to MAX_HITS.
        where: Only documents that this filter lets through.
        generation: Its number; None is the live one.
        mode: What the search goes by; None is what the collection goes by.
        offset: Documents before the page, 0 to MAX_OFFSET. Pages never overlap and leave nothing out.
        min_score: Only hits with at least this score, in the measure of the mode.
        exact: Compare with every vector instead of following a graph; embedded Milvus always does.
        collapse: Of documents that are nearly the same, show the best only.
        rerank: A second stage.
    """

    k: int = 10
    where: Filter | None = None
    generation: int | None = None
    mode: Mode | None = None
    offset: int = 0
    min_score: float | None = None
    exact: bool = False
    collapse: bool = False
    rerank: Rerank | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: the best chunk of a document.

    `score` depends on the mode: the cosine similarity, -1 to 1; BM25, above 0; or both in one number, 0 to 1, and
    then `parts` has the two by name, without one whose ranking the chunk isn't in. After a second stage it is the
    cross-encoder's, 0 to 1, and `parts` has that of the first stage too. `more_passages` counts the document's other
    chunks that stand above the last hit of the page, `copies` the other documents that are nearly the same;
    `also_at` names the files that hold exactly the same.
    """

    rank: int
    score: float
    document_id: str
    chunk_id: str
    title: str
    source: str
    text: str
    start: int
    end: int
    metadata: Mapping[str, MetadataValue]
    headings: tuple[str, ...] = ()
    page: int | None = None
    more_passages: int = 0
    copies: int = 0
    also_at: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncoderName:
    """Which encoder answered."""

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of one query, best first, and who gave them; `took_ms` in milliseconds by part.

    `fusion` tells how a hybrid search made one ranking of two; `rerank` what became of a second stage. `vector` is what
    was searched for by meaning, a unit row (dim,); None where nothing was.
    """

    query: str
    collection: str
    generation: int
    encoder: EncoderName
    mode: str
    took_ms: Mapping[str, float]
    hits: tuple[Hit, ...]
    fusion: Fusion | None = None
    rerank: SecondStage | None = None
    vector: "Vectors | None" = field(default=None, repr=False, compare=False)
