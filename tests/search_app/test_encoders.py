"""The encoders of a home: loaded once, told apart by fingerprint, and never used for what another one filled."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_app.app import SearchApp
from search_app.catalog.generations import GenerationState
from search_app.encoders import CachedEncoder
from search_app.errors import FingerprintMismatch, UnknownEncoder, UsageError
from search_app.requests import IngestRequest, ReindexRequest


def test_a_score_is_the_cosine_of_two_bags_of_words(app: SearchApp) -> None:
    vectors = app.encoders.load("fluent").encode(["kitten", "cat cat dog", "hound", "something"])
    assert vectors @ vectors[0] == pytest.approx([1, 2 / 5**0.5, 0, 0], abs=1e-6)


def test_an_encoder_is_loaded_once_while_it_is_used(app: SearchApp) -> None:
    first = app.encoders.load("fluent")
    assert app.encoders.load("literal") is not first
    assert app.encoders.load("fluent") is first


def test_the_encoder_that_was_not_used_for_longest_makes_room(app: SearchApp) -> None:
    fluent, literal = app.encoders.load("fluent"), app.encoders.load("literal")
    app.encoders.load("fluent")
    app.encoders.load("shuffled")
    assert app.encoders.load("fluent") is fluent
    assert app.encoders.load("literal") is not literal


class Recorder:
    """An encoder that remembers what it was asked to read; the vector of a text holds its length."""

    fingerprint, dim, max_tokens = "f" * 64, 2, 16

    def __init__(self) -> None:
        self.read: list[tuple[str, tuple[str, ...]]] = []

    def encode(self, texts: Sequence[str], *, kind: str = "document") -> Any:
        self.read.append((kind, tuple(texts)))
        return np.array([[len(text), 0] for text in texts], np.float32)

    def count_tokens(self, text: str) -> int:
        return len(text)


def test_a_text_is_read_once_for_each_kind_and_precision(app: SearchApp) -> None:
    encoder = Recorder()
    cached = CachedEncoder(encoder, app.vector_cache, "fp32")
    assert cached.encode(["aa", "b", "aa"])[:, 0].tolist() == [2, 1, 2]
    assert cached.encode(["b", "ccc"])[:, 0].tolist() == [1, 3]
    cached.encode(["b"], kind="query")
    CachedEncoder(encoder, app.vector_cache, "bf16").encode(["b"])
    again = ("document", ("b",))
    assert encoder.read == [("document", ("aa", "b")), ("document", ("ccc",)), ("query", ("b",)), again]


def test_no_texts_give_no_rows(app: SearchApp) -> None:
    cached = CachedEncoder(app.encoders.load("fluent"), app.vector_cache, "fp32")
    assert cached.encode([]).shape == (0, cached.dim)


def test_choosing_an_encoder_notes_it_in_the_catalogue(app: SearchApp) -> None:
    choice = app.encoders.choose("fluent")
    noted = app.catalog.encoders.get("fluent")
    assert (noted.fingerprint, noted.dim, noted.max_tokens) == (choice.record.fingerprint, 66, 16)
    assert choice.precision == "fp32"


def test_an_encoder_that_has_changed_answers_for_nothing_that_it_filled_before(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    held = app.encoders.load("fluent").fingerprint
    put_in_place_of(app, "fluent", "literal")
    now = app.encoders.load("literal").fingerprint
    with SearchApp.open(app.home.path) as later, pytest.raises(FingerprintMismatch) as refused:
        later.search("kitten")
    assert str(refused.value) == (
        f"Generation 1 of collection 'docs' was filled by encoder {held[:12]}, but 'fluent' is {now[:12]} now. "
        "Put the old encoder back, or run `twinsearch reindex docs --encoder fluent --force` to let a generation of "
        "the new one answer."
    )


def test_the_named_remedy_mends_a_changed_encoder(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    put_in_place_of(app, "fluent", "literal")
    with SearchApp.open(app.home.path) as later:
        later.reindex(ReindexRequest("docs", "fluent", force=True))
        assert later.search("cat").hits[0].document_id == "notes/cat.txt"
        assert later.search("cat").generation == 2
        with pytest.raises(FingerprintMismatch) as refused:
            later.rollback("docs")
        assert str(refused.value).endswith("or give the generation up with `twinsearch generations drop docs 1`.")
        assert later.drop_generation("docs", 1).state is GenerationState.DROPPED


def put_in_place_of(app: SearchApp, name: str, other: str) -> None:
    shutil.rmtree(app.encoders.folder(name))
    shutil.copytree(app.encoders.folder(other), app.encoders.folder(name))


def test_an_unknown_encoder_is_named_with_the_places_that_were_asked(app: SearchApp) -> None:
    with pytest.raises(UnknownEncoder) as refused:
        app.encoders.load("eloquent")
    assert str(refused.value) == (
        f"No encoder 'eloquent': not a folder with an encoder, not in {app.home.encoders_folder}, and no name of "
        "the model hub. See `twinsearch encoders list`."
    )


def test_an_encoder_that_serves_can_not_be_removed(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    with pytest.raises(UsageError) as refused:
        app.encoders.remove("fluent")
    assert str(refused.value) == (
        "Encoder 'fluent' serves generation 1 of collection 'docs'. Drop that generation first, or keep the "
        "encoder: without it the generation can't answer."
    )
    assert app.encoders.folder("fluent").is_dir()


def test_an_encoder_that_serves_nothing_is_removed_with_its_folder(app: SearchApp) -> None:
    app.encoders.choose("literal")
    app.encoders.remove("literal")
    assert not app.encoders.folder("literal").exists()
    assert app.catalog.encoders.find("literal") is None


def test_a_name_that_leads_out_of_the_home_removes_nothing(app: SearchApp, tmp_path: Path, encoders: Path) -> None:
    outside = shutil.copytree(encoders / "fluent", tmp_path / "mine")
    app.encoders.choose(str(outside))
    app.encoders.remove(str(outside))
    assert (outside / "model.safetensors").is_file()


def test_an_encoder_one_folder_up_is_not_taken_for_the_home(
    app: SearchApp, encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(encoders / "fluent" / "1_Pooling")
    app.encoders.choose("..")
    app.encoders.remove("..")
    assert app.encoders.folder("fluent").is_dir()
    assert (encoders / "fluent").is_dir()
