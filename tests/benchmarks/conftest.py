"""Collections in BEIR's layout, made of a few words, so that each benchmark runs whole and in seconds."""

import json
import random
from pathlib import Path

import pytest

from benchmarks.tiny_encoder import write_tiny_encoder

_WORDS = (
    "cell",
    "protein",
    "river",
    "engine",
    "copper",
    "night",
    "doctor",
    "window",
    "market",
    "signal",
    "bridge",
    "seed",
)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SciFact and NFCorpus, with sixty abstracts of fifty words each."""
    folder = tmp_path_factory.mktemp("collections")
    words = random.Random(3)
    for name in ("scifact", "nfcorpus"):
        (folder / name).mkdir()
        documents = [
            {"_id": str(i), "title": f"{name} {i}", "text": " ".join(words.choices(_WORDS, k=50))} for i in range(60)
        ]
        _write(folder / name / "corpus.jsonl", documents)
        _write(folder / name / "queries.jsonl", [{"_id": str(i), "text": _WORDS[i % 12]} for i in range(20)])
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that costs nearly nothing."""
    return write_tiny_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
