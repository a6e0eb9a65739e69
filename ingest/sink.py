"""What an ingest works with: the encoder it is given, and the sink that takes what it makes.

What `Sink.write` has returned for is durable. A file is written down only together with the last of its documents, so
what is known of a file is never more than what is committed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ingest.chunking import Chunk
from ingest.documents import Document

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


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """What the sink knows of a document that is committed."""

    content_hash: str
    origin: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be taken in, and why, in one sentence."""

    source: str
    reason: str

    @property
    def sentence(self) -> str:
        """The reason, behind the source where it doesn't name that itself."""
        return self.reason if repr(self.source) in self.reason else f"{self.source}: {self.reason}"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What came of a file that was read to its end.

    Args:
        origin: Its absolute path.
        source: What a person is shown.
        stamp: Equal stamps mean that reading it again would give the same; an empty one equals none.
        document_count: Its documents that were taken in or were held already.
        failed_count: What of it could not be taken in.
        failures: The first of these.
        skipped: Files in an archive for which there is no reader, by how their names end.
    """

    origin: str
    source: str
    stamp: str
    document_count: int
    failed_count: int = 0
    failures: tuple[Failure, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class StageCounts:
    """How many documents of an ingest have come how far; those that are unchanged go no further than that."""

    discovered: int
    unchanged: int = 0
    read: int = 0
    encoded: int = 0
    failed: int = 0


class Sink(Protocol):
    """Where encoded documents go."""

    def known_files(self, origins: Sequence[str]) -> Mapping[str, FileOutcome]:
        """What came of those of these files whose documents are all committed, by origin."""

    def held(self, document_ids: Sequence[str]) -> Mapping[str, HeldDocument]:
        """Those of these documents that are committed."""

    def note(self, counts: StageCounts) -> None:
        """Write down how far the ingest is."""

    def open(self) -> None:
        """Get ready for documents, before the first `write`."""

    def write(self, batch: Sequence[EncodedDocument], files: Sequence[FileOutcome]) -> Collection[str]:
        """Replace or add the documents, and what came of files that end with them; durable when it returns.

        Returns:
            The ids of those that are copies of others, whose chunks are theirs too.
        """

    def prune(self, origins: Sequence[str], is_kept: Callable[[str, str], bool]) -> int:
        """Remove the documents from or below one of `origins` unless `is_kept(id, origin)`; how many."""
