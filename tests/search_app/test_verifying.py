"""A generation is ready only if its vectors are those of its encoder, whole, and found."""

from collections.abc import Iterator

import numpy as np
import pytest

from ingest.chunking import ChunkingSettings
from ingest.progress import unheard
from search_app.app import SearchApp
from search_app.catalog.generations import Generation
from search_app.errors import IndexFailure


@pytest.fixture
def built(noted: SearchApp) -> Iterator[Generation]:
    """A generation of the notes by literal, built and not verified."""
    generation = noted.generations.begin("docs", noted.encoders.choose("literal"), ChunkingSettings(16))
    noted.generations.build(generation, noted.encoders.filling(generation, "docs"), report=unheard)
    yield generation
    noted.drop_generation("docs", generation.number)


def check(app: SearchApp, generation: Generation) -> None:
    app.generations.check_vectors(generation, app.encoders.of_generation(generation, "docs"), unheard)


def replace_one(app: SearchApp, generation: Generation, vector: np.ndarray) -> None:
    chunk_id = next(app.catalog.documents.chunk_ids(generation.id))
    app.index._write(  # past the door, which lets no such row in
        "upsert",
        "spoil a row",
        generation.physical_name,
        [{"id": chunk_id, "vector": vector.tolist(), "fields": {"document_id": "x", "metadata": {}}}],
    )
    app.index.flush(generation.physical_name)


def test_what_the_encoder_gave_passes(noted: SearchApp, built: Generation) -> None:
    check(noted, built)


def test_a_vector_of_no_encoder_is_found(noted: SearchApp, built: Generation) -> None:
    replace_one(noted, built, np.full(built.dim, 3.0, dtype=np.float32))
    with pytest.raises(IndexFailure, match=r"isn't fit to answer: the vector of chunk \w+ isn't finite, or not of"):
        check(noted, built)


def test_a_vector_of_another_encoder_is_found(noted: SearchApp, built: Generation) -> None:
    replace_one(noted, built, np.eye(built.dim, dtype=np.float32)[0])
    with pytest.raises(IndexFailure) as refused:
        check(noted, built)
    assert "to what its encoder 'literal' gives now. Delete vectors.sqlite from the home" in str(refused.value)
