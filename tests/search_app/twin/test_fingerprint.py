import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from search_app.twin.encoder import TwinEncoder


def fingerprint_of(folder: Path) -> str:
    return TwinEncoder.load(folder, device="cpu", precision="fp32").fingerprint


def nudge(folder: Path, tensor: str) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights[tensor][0] += 1e-6
    save_file(weights, path, metadata={"format": "pt"})


def edit(folder: Path, name: str, **entries: object) -> None:
    path = folder / name
    held = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**held, **entries}))


CHANGES: dict[str, Callable[[Path], None]] = {
    "a weight": lambda folder: nudge(folder, "encoder.layer.0.output.dense.bias"),
    "the tokenizer": lambda folder: edit(folder, "tokenizer.json", normalizer=None),
    "the pooling": lambda folder: edit(folder, "1_Pooling/config.json", pooling_mode="cls"),
    "a prompt": lambda folder: edit(folder, "config_sentence_transformers.json", prompts={"query": "q: "}),
    "the maximum length": lambda folder: edit(folder, "sentence_bert_config.json", max_seq_length=16),
    "the activation": lambda folder: edit(folder, "config.json", hidden_act="relu"),
}
NO_CHANGES: dict[str, Callable[[Path], None]] = {
    "the unused pooler": lambda folder: nudge(folder, "pooler.dense.bias"),
    "the dropout": lambda folder: edit(folder, "config.json", hidden_dropout_prob=0.5),
    "the tokenizer's truncation": lambda folder: edit(folder, "tokenizer.json", truncation=None, padding=None),
    "the stored fingerprint": lambda folder: edit(folder, "twinsearch.json", fingerprint="0" * 64),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_vectors_changes_the_fingerprint(tiny_encoder_folder: Path, tmp_path: Path, change: str) -> None:
    changed = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "changed"))
    CHANGES[change](changed)
    assert fingerprint_of(changed) != fingerprint_of(tiny_encoder_folder)


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_changes_no_vector_keeps_the_fingerprint(tiny_encoder_folder: Path, tmp_path: Path, change: str) -> None:
    changed = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "changed"))
    NO_CHANGES[change](changed)
    assert fingerprint_of(changed) == fingerprint_of(tiny_encoder_folder)


def test_saving_and_loading_keeps_the_fingerprint_and_stores_it(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="bf16")
    encoder.save(tmp_path / "saved")
    stored = json.loads((tmp_path / "saved" / "twinsearch.json").read_text())
    assert stored == {"schema": 1, "fingerprint": encoder.fingerprint}
    assert fingerprint_of(tmp_path / "saved") == encoder.fingerprint
