"""Cuts documents into passages that fit the encoder.

`text == document.text[start:end]` holds for every chunk, chunks come in order, none is empty, and every character of
the document that is not white space lies in at least one of them.
What the encoder reads is the passage: title, headings and text; the budget counts all of it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from ingest.documents import Document

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class ChunkingSettings:
    """How long a chunk may be; `whole` makes one chunk of each document, however long."""

    max_tokens: int
    overlap_tokens: int = 0
    max_bytes: int = 8192
    whole: bool = False

    @property
    def key(self) -> str:
        """A short hash that is part of every chunk's id: other settings, other chunks."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document; `token_count` counts what the encoder reads of it, headings and title included."""

    id: str
    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    page: int | None
    token_count: int


def passage(title: str, headings: Sequence[str], text: str) -> str:
    """What the encoder reads: title, headings and text joined by spaces, without what the text begins with."""
    parts = [title, *headings, text]
    return " ".join(part for part in parts if part)


def chunk_document(document: Document, settings: ChunkingSettings, count_tokens: CountTokens) -> list[Chunk]:
    """Chunks of the document in the order of its text; none when it holds no text."""
    raise NotImplementedError
