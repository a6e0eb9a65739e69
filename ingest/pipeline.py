"""Takes paths in and hands encoded documents to a sink, a batch at a time.

What `Sink.write` has returned for is durable; whatever stops the work between two batches loses nothing of it.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ingest.chunking import Chunk, ChunkingSettings
from ingest.documents import Document
from ingest.progress import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"


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
        """Remove the documents read from or below one of `origins` whose id is not in `keep`; how many they were."""


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
    """What an ingest did, in documents; `truncated_tokens` counts those that the encoder never saw."""

    new: int
    changed: int
    unchanged: int
    removed: int
    failed: tuple[Failure, ...]
    chunk_count: int
    truncated_tokens: int
    seconds: float


def ingest(
    paths: Sequence[Path], *, encoder: Encoder, sink: Sink, settings: IngestSettings, report: Report
) -> IngestSummary:
    """Bring the sink up to date with the files."""
    raise NotImplementedError
