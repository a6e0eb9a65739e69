"""The gate's benchmark runs whole on a few documents: a row for each encoder, and what became of the noise."""

import json
import random
from pathlib import Path

import pytest

from benchmarks.gate import MAKERS, Bench, report
from search_app.app import SearchApp
from search_app.engine import Engine

WORDS = ("cell", "protein", "river", "engine", "copper", "night", "doctor", "window", "market", "signal", "bridge")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 documents and as many queries in the layout of BEIR, two thirds of them to learn from."""
    words, place = random.Random(4), tmp_path / "small"
    (place / "qrels").mkdir(parents=True)
    texts = [" ".join(words.choices(WORDS, k=12)) for _ in range(24)]
    rows = [{"_id": str(n), "title": "", "text": text} for n, text in enumerate(texts)]
    (place / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": f"q{n}", "text": f"{text[:20]} number{n} part{n}"} for n, text in enumerate(texts)]
    (place / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    for part, numbers in (("train", range(16)), ("test", range(16, 24))):
        lines = ["query-id\tcorpus-id\tscore", *(f"q{n}\t{n}\t1" for n in numbers)]
        (place / "qrels" / f"{part}.tsv").write_text("\n".join(lines) + "\n")
    return place


def test_the_gate_is_asked_about_each_encoder(folder: Path, tmp_path: Path, tiny: Path, engine: Engine) -> None:
    engine.address()
    home = tmp_path / "home"
    home.mkdir()
    (home / "engine").symlink_to(engine.folder, target_is_directory=True)
    with SearchApp.open(home, encoder=str(tiny), precision="fp32", device="cpu") as app:
        told = report(Bench(app, folder, tmp_path / "work", None, training_count=1, epochs=1))
        app.drop_collection("docs")
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:3] for line in told.splitlines() if line.startswith("| ")}
    assert set(rows) == {"encoder", *MAKERS, "noise-0"}
    assert {queries for ruling, queries in rows.values() if ruling != "ruling"} == {"8"}
    assert all(ruling.endswith((", goes live", ", kept out")) for ruling, queries in rows.values() if queries == "8")
    assert "Of 1 trainings on noise the gate let " in told
    assert "small, 24 documents, encoder " in told
