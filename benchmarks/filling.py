"""A collection of any size, filled in moments: its passages are real, their vectors random and in the cache already.

What an exact search costs doesn't depend on where vectors point.
"""

from pathlib import Path

import numpy as np

from benchmarks import passages
from ingest.chunking import passage
from search_app.app import SearchApp
from search_app.requests import IngestRequest
from search_app.vectors import text_hash

_WORDS, _STEP = 40, 12  # of a passage, and from one to the next


def collection_name(size: int) -> str:
    """What the collection of so many passages is called."""
    return f"passages-{size}"


def written(app: SearchApp, data: Path, work: Path, size: int) -> tuple[Path, Path]:
    """The passages and their vectors as files, made once."""
    work.mkdir(parents=True, exist_ok=True)
    file, vectors = work / f"{size}.jsonl", work / f"{size}.npy"
    if not vectors.is_file():
        passages.write_passages(file, passages.passages(data, size, words=_WORDS, step=_STEP))
        np.save(vectors, passages.random_rows(size, app.encoders.load(app.settings.encoder).dim))
    return file, vectors


def fill(app: SearchApp, file: Path, vectors: Path, size: int) -> None:
    """An ingest whose vectors are all in the cache; nothing happens when the collection is there."""
    if app.catalog.collections.find(collection_name(size)) is not None:
        return
    encoder = app.encoders.load(app.settings.encoder)
    texts = passages.read_passages(file)
    hashes = [text_hash(passage("", (), text), "document") for text in texts]
    key = f"{encoder.fingerprint}:{encoder.precision}"
    app.vector_cache.put_many(key, dict(zip(hashes, np.load(vectors), strict=True)))
    app.ingest(IngestRequest((str(file),), collection_name(size), whole=True))
