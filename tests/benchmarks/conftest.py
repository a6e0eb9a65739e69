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


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """24 documents and as many queries in the layout of BEIR, two thirds of them to learn from."""
    words, place = random.Random(4), tmp_path / "small"
    (place / "qrels").mkdir(parents=True)
    texts = [" ".join(words.choices(_WORDS, k=12)) for _ in range(24)]
    rows = [{"_id": str(n), "title": "", "text": text} for n, text in enumerate(texts)]
    (place / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": f"q{n}", "text": f"{text[:20]} number{n} part{n}"} for n, text in enumerate(texts)]
    (place / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    for part, numbers in (("train", range(16)), ("test", range(16, 24))):
        lines = ["query-id\tcorpus-id\tscore", *(f"q{n}\t{n}\t1" for n in numbers)]
        (place / "qrels" / f"{part}.tsv").write_text("\n".join(lines) + "\n")
    return place


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that costs nearly nothing."""
    return write_tiny_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
