"""Fakes with a meaning: an encoder that reads words, and a sink that is a dictionary."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from ingest.pipeline import EncodedDocument, Vectors


@dataclass
class WordEncoder:
    """A word is a token and two more frame a text; the vector is (words, characters) at unit length."""

    fingerprint: str = "words"
    dim: int = 2
    max_tokens: int = 64
    read: list[str] = field(default_factory=list)

    def count_tokens(self, text: str) -> int:
        return len(text.split()) + 2

    def vector(self, text: str) -> Vectors:
        row = np.array([len(text.split()), len(text)], dtype=np.float32)
        return row / np.linalg.norm(row)

    def encode(self, texts: Sequence[str], *, kind: Literal["document", "query"] = "document") -> Vectors:
        assert kind == "document"
        self.read.extend(texts)
        return np.stack([self.vector(text) for text in texts])


@dataclass
class MemorySink:
    """Holds what was written, by document id."""

    documents: dict[str, EncodedDocument] = field(default_factory=dict)
    batch_sizes: list[int] = field(default_factory=list)

    def held(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        return {key: self.documents[key].document.content_hash for key in document_ids if key in self.documents}

    def write(self, batch: Sequence[EncodedDocument]) -> None:
        self.batch_sizes.append(sum(len(encoded.chunks) for encoded in batch))
        self.documents.update({encoded.document.id: encoded for encoded in batch})

    def prune(self, origins: Sequence[str], keep: Set[str]) -> int:
        roots = [Path(origin) for origin in origins]
        gone = [
            key
            for key, encoded in self.documents.items()
            if key not in keep and any(Path(encoded.document.origin).is_relative_to(root) for root in roots)
        ]
        for key in gone:
            del self.documents[key]
        return len(gone)


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def write_tree(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Makes a folder "docs" of files by their relative paths."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "docs"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write
