from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModel

from search_app.twin.encoder import TwinEncoder

_SIZES = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "initializer_range": 0.2}
FAMILIES = {
    "roberta": {**_SIZES, "hidden_size": 32, "max_position_embeddings": 42},
    "mpnet": {**_SIZES, "hidden_size": 32, "max_position_embeddings": 42},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 40},
    "modernbert": {**_SIZES, "hidden_size": 32, "max_position_embeddings": 40},
}
POSITIONS = 40  # RoBERTa and MPNet count theirs from the padding id on


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_equals_sentence_transformers_up_to_its_longest_text(
    make_tiny_encoder: Callable[..., Path], family: str
) -> None:
    folder = make_tiny_encoder(max_tokens=POSITIONS)
    ids = {"pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}
    config = AutoConfig.for_model(family, vocab_size=107, **ids, **FAMILIES[family])
    with torch.random.fork_rng():
        torch.manual_seed(7)
        AutoModel.from_config(config).save_pretrained(folder)
    texts = ["Rain", "The cat sleeps by the fire. " * 20, ""]
    encoder = TwinEncoder.load(folder, device="cpu", precision="fp32")
    theirs = SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(texts)
    np.testing.assert_allclose(encoder.encode(texts), theirs, atol=1e-5)
    assert encoder.max_tokens == POSITIONS
