"""The preview's benchmark runs whole on a few documents."""

from pathlib import Path

from benchmarks.gate import Bench
from benchmarks.preview import report
from search_app.app import SearchApp
from search_app.engine import Engine


def test_each_draw_is_predicted_and_held_against_what_came_out(
    judged: Path, tmp_path: Path, tiny: Path, engine: Engine
) -> None:
    engine.address()
    home = tmp_path / "home"
    home.mkdir()
    (home / "engine").symlink_to(engine.folder, target_is_directory=True)
    with SearchApp.open(home, encoder=str(tiny), precision="fp32", device="cpu") as app:
        told = report(Bench(app, judged, tmp_path / "work", None, training_count=0, epochs=1), 2, 6)
        app.drop_collection("docs")
    rows = [line.split(" | ") for line in told.splitlines() if line.startswith(("| 0", "| 1"))]
    assert [row[-1][:3].strip(" |") for row in rows] == ["yes", "yes"]  # all documents are near, so nothing is guessed
    assert all(float(row[2]) == float(row[4]) for row in rows)
    assert "in 2 of 2 draws of 6 queries." in told
