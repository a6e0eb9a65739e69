"""What tokens add is held against the vector that the encoder gives: the parts sum up to it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from search_app.config import DEFAULT_ENCODER
from search_app.twin.encoder import TwinEncoder
from search_app.twin.layout import Kind

MakeEncoder = Callable[..., Path]
TEXTS = ["The cat sleeps.", "", "copy a file " * 40, "naïve 日本語 café", "🙂 a\ud800b"]


def load(folder: Path | str) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision="fp32")


def assert_parts_sum_up(encoder: TwinEncoder, texts: list[str], kind: Kind = "document") -> None:
    for text in texts:
        parts = encoder.parts(text, kind=kind)
        assert parts is not None
        np.testing.assert_allclose(parts.vectors.sum(axis=0), encoder.encode([text], kind=kind)[0], atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "mean_sqrt_len_tokens", "weightedmean"])
def test_the_parts_of_the_tokens_sum_up_to_the_vector(make_tiny_encoder: MakeEncoder, pooling: str) -> None:
    assert_parts_sum_up(load(make_tiny_encoder(poolings=(pooling,))), TEXTS)


@pytest.mark.parametrize("poolings", [("max",), ("cls",), ("lasttoken",), ("mean", "max")])
def test_other_poolings_have_no_parts(make_tiny_encoder: MakeEncoder, poolings: tuple[str, ...]) -> None:
    assert load(make_tiny_encoder(poolings=poolings)).parts("The cat sleeps.") is None


def test_the_default_encoder_has_parts_also_of_what_it_cuts() -> None:
    encoder = load(DEFAULT_ENCODER)
    assert_parts_sum_up(encoder, [*TEXTS, "bread and salt " * 400])
    cut = encoder.parts("bread and salt " * 400)
    assert cut is not None
    assert len(cut.spans) == encoder.max_tokens


def test_a_shortened_encoder_has_parts(tiny_encoder_folder: Path) -> None:
    assert_parts_sum_up(TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32", dim=8), TEXTS)


def test_a_bias_behind_the_pooling_belongs_to_no_token(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    (folder / "2_Dense").mkdir()
    weights = {"linear.weight": torch.randn(8, 32), "linear.bias": torch.randn(8)}
    save_file(weights, folder / "2_Dense" / "model.safetensors")
    (folder / "2_Dense" / "config.json").write_text(json.dumps({"in_features": 32, "out_features": 8, "bias": True}))
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules[:2], dense, {**modules[2], "idx": 3, "name": "3"}]))
    assert load(folder).parts("The cat sleeps.") is None


@pytest.mark.parametrize("is_pooled", [True, False])
def test_a_prompt_has_parts_but_no_place_in_the_text(make_tiny_encoder: MakeEncoder, is_pooled: bool) -> None:
    folder = make_tiny_encoder()
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "copy the file "}}))
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({**pooling, "include_prompt": is_pooled}))
    encoder = load(folder)
    assert_parts_sum_up(encoder, ["the cat sleeps"], "query")
    parts = encoder.parts("the cat sleeps", kind="query")
    assert parts is not None
    assert [span for span in parts.spans if span] == [(0, 3), (4, 7), (8, 14)]
    assert parts.spans[:4] == (None,) * 4  # [CLS] and the prompt's words
    assert bool(np.abs(parts.vectors[1:4]).sum() > 0) is is_pooled


def test_tokens_stand_where_the_text_has_them(tiny_encoder_folder: Path) -> None:
    parts = load(tiny_encoder_folder).parts("The cat, sleeps")
    assert parts is not None
    assert parts.spans == (None, (0, 3), (4, 7), (7, 8), (9, 15), None)
