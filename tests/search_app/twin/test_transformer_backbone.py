import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModel

from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder

MakeEncoder = Callable[..., Path]
_SIZES = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "initializer_range": 0.2}
_USUAL = {**_SIZES, "hidden_size": 32, "max_position_embeddings": 40}
_AFTER_PADDING = {**_USUAL, "max_position_embeddings": 41}  # these count positions from after the padding id, here 0
FAMILIES = {
    "albert": {**_USUAL, "embedding_size": 16},
    "bert": _USUAL,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 40},
    "electra": {**_USUAL, "embedding_size": 16},
    "modernbert": _USUAL,
    "mpnet": {**_USUAL, "max_position_embeddings": 42},  # which takes 1 for the padding id whatever is stated
    "roberta": _AFTER_PADDING,
    "xlm-roberta": _AFTER_PADDING,
}
POSITIONS = 40


def load(folder: Path) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision="fp32")


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_equals_sentence_transformers_both_ways_up_to_its_longest_text(
    make_tiny_encoder: MakeEncoder, tmp_path: Path, family: str
) -> None:
    folder = make_tiny_encoder(max_tokens=5000)
    ids = {"pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}
    config = AutoConfig.for_model(family, vocab_size=107, **ids, **FAMILIES[family])
    with torch.random.fork_rng():
        torch.manual_seed(7)
        AutoModel.from_config(config).save_pretrained(folder)
    texts = ["Rain", "The cat sleeps by the fire. " * 20, ""]
    encoder = load(folder)
    encoder.save(tmp_path / "saved")
    vectors = encoder.encode(texts)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": POSITIONS}))
    np.testing.assert_allclose(vectors, reference(folder).encode(texts), atol=1e-5)
    np.testing.assert_allclose(reference(tmp_path / "saved").encode(texts), vectors, atol=1e-5)
    assert (encoder.max_tokens, load(tmp_path / "saved").fingerprint) == (POSITIONS, encoder.fingerprint)


BOUNDLESS = {
    "vocab_size": 10**12,
    "hidden_size": 4 * 10**6,
    "intermediate_size": 10**12,
    "max_position_embeddings": 10**12,
    "num_hidden_layers": 10**9,
}
SENSELESS = {"vocab_size": "many", "hidden_size": -4, "num_attention_heads": 0, "model_type": "abacus"}


@pytest.mark.parametrize("entry", BOUNDLESS)
def test_a_config_that_asks_for_more_than_there_is_takes_no_memory(make_tiny_encoder: MakeEncoder, entry: str) -> None:
    folder = make_tiny_encoder()
    set_config(folder, entry, BOUNDLESS[entry])
    layers = BOUNDLESS[entry] if entry == "num_hidden_layers" else 2
    with pytest.raises(EncoderError) as caught:
        load(folder)
    assert str(caught.value) == (
        f"The config.json in {folder} asks for far more weights than the 23,744 that are there ({layers} layers, "
        "39 tensors); expected those of one encoder. Fetch the encoder again."
    )


@pytest.mark.parametrize("entry", SENSELESS)
def test_a_config_of_nonsense_is_one_sentence(make_tiny_encoder: MakeEncoder, entry: str) -> None:
    folder = make_tiny_encoder()
    set_config(folder, entry, SENSELESS[entry])
    with pytest.raises(EncoderError, match=r"^The transformer in [^\n]*; expected config.json [^\n]* again\.$"):
        load(folder)


def test_weights_of_other_shapes_than_stated_are_refused(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    set_config(folder, "intermediate_size", 65)
    with pytest.raises(EncoderError) as caught:
        load(folder)
    assert str(caught.value) == (
        f"The transformer in {folder} can't be loaded (the weights have other shapes than config.json states); "
        "expected config.json and model.safetensors of a transformer encoder. Fetch or train the encoder again."
    )


def set_config(folder: Path, entry: str, value: Any) -> None:
    held = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**held, entry: value}))
