"""The gate's benchmark runs whole on a few documents: a row for each encoder, and what became of the noise."""

from pathlib import Path

import pytest

from benchmarks.gate import MAKERS, Bench, report
from search_app.app import SearchApp
from search_app.engine import Engine


@pytest.mark.slow
def test_the_gate_is_asked_about_each_encoder(judged: Path, tmp_path: Path, tiny: Path, engine: Engine) -> None:
    engine.address()
    home = tmp_path / "home"
    home.mkdir()
    (home / "engine").symlink_to(engine.folder, target_is_directory=True)
    with SearchApp.open(home, encoder=str(tiny), precision="fp32", device="cpu") as app:
        told = report(Bench(app, judged, tmp_path / "work", None, training_count=1, epochs=1))
        app.drop_collection("docs")
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:3] for line in told.splitlines() if line.startswith("| ")}
    assert set(rows) == {"encoder", *MAKERS, "noise-0"}
    assert {queries for ruling, queries in rows.values() if ruling != "ruling"} == {"8"}
    assert all(ruling.endswith((", goes live", ", kept out")) for ruling, queries in rows.values() if queries == "8")
    assert "Of 1 trainings on noise the gate let " in told
    assert "small, 24 documents, encoder " in told
