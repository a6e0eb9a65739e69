"""The first components of vectors, of unit length again: the same for us and for sentence-transformers."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.lstm import LstmSettings, begin_lstm

TEXTS = ["The cat sleeps.", "", "Bread and salt", "copy a file " * 40]
LSTM = LstmSettings(vocabulary_size=300, embedding_dim=12, hidden_dim=10, dim=16)


def load(folder: Path, dim: int | None = None) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision="fp32", dim=dim)


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def first(vectors: np.ndarray, dim: int) -> np.ndarray:
    return vectors[:, :dim] / np.linalg.norm(vectors[:, :dim], axis=1, keepdims=True)


@pytest.fixture(params=["transformer", "lstm with a dense layer"])
def folder(request: pytest.FixtureRequest, make_tiny_encoder: Callable[..., Path], tmp_path: Path) -> Path:
    if request.param == "transformer":
        return make_tiny_encoder()
    begin_lstm(TEXTS, LSTM).save(tmp_path / "lstm")
    return tmp_path / "lstm"


def test_the_first_components_are_kept_at_unit_length(folder: Path) -> None:
    short = load(folder, dim=5)
    assert short.dim == 5
    np.testing.assert_allclose(short.encode(TEXTS), first(load(folder).encode(TEXTS), 5), atol=1e-6)


def test_sentence_transformers_gives_the_same_short_vectors(folder: Path, tmp_path: Path) -> None:
    short = load(folder, dim=5)
    short.save(tmp_path / "short")
    np.testing.assert_allclose(reference(tmp_path / "short").encode(TEXTS), short.encode(TEXTS), atol=1e-5)
    assert load(tmp_path / "short").fingerprint == short.fingerprint


def test_a_folder_that_states_a_shorter_vector_is_read_so(folder: Path, tmp_path: Path) -> None:
    theirs = SentenceTransformer(str(folder), device="cpu", local_files_only=True, truncate_dim=5)
    theirs.save(str(tmp_path / "theirs"))
    encoder = load(tmp_path / "theirs")
    np.testing.assert_allclose(encoder.encode(TEXTS), first(theirs.encode(TEXTS), 5), atol=1e-5)
    assert encoder.fingerprint == load(folder, dim=5).fingerprint


def test_each_length_is_an_encoder_of_its_own(folder: Path) -> None:
    assert len({load(folder, dim=dim).fingerprint for dim in (None, 5, 6)}) == 3


@pytest.mark.parametrize("dim", [0, 33])
def test_a_length_that_no_vector_has_is_refused(make_tiny_encoder: Callable[..., Path], dim: int) -> None:
    with pytest.raises(EncoderError) as caught:
        load(make_tiny_encoder(), dim=dim)
    assert str(caught.value) == (
        f"A vector of 32 components can't be cut to {dim}; expected 1 to 32. Choose such a number."
    )


def test_a_stated_length_of_nonsense_is_refused(make_tiny_encoder: Callable[..., Path]) -> None:
    folder = make_tiny_encoder()
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": "short"}))
    with pytest.raises(EncoderError) as caught:
        load(folder)
    assert str(caught.value) == (
        f"The encoder in {folder} states vectors of 'short' components; expected a number. "
        "Mend truncate_dim in config_sentence_transformers.json."
    )
