"""An encoder that costs nearly nothing, to measure what lies around it: random weights, the default's tokenizer."""

import json
import shutil
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from search_app.config import DEFAULT_ENCODER
from search_app.twin.resolution import resolve

_WIDTH = 32
_VOCABULARY = 30_522  # of the default encoder's tokenizer
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
_MODULES = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))


def write_tiny_encoder(folder: Path) -> Path:
    """A folder as sentence-transformers keeps it: a BERT of one layer and 32 components; the same weights each time."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=_WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=_WIDTH,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    source = resolve(DEFAULT_ENCODER)
    for name in _TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copy(source / name, folder / name)
    kinds = "sentence_transformers.models."
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": kinds + kind} for i, (path, kind) in enumerate(_MODULES)
    ]
    for name, value in {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": _WIDTH, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder
