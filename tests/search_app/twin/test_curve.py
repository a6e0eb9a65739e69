"""Whoever watches a training sees what its report says in the end."""

from pathlib import Path

from ingest.progress import Progress
from search_app.twin.checkpoints import CURVE_FILE, clear
from search_app.twin.curve import CurveFile, LearningCurve, curve_of, read_curve
from search_app.twin.examples import Examples, Shape, query_positive
from search_app.twin.training import TrainingSettings, train


def test_the_later_line_of_a_step_counts_and_one_that_was_cut_off_does_not(tmp_path: Path) -> None:
    curve = CurveFile(tmp_path)
    curve.add_held_out(0, {"loss": 2.5, "MRR@10": 0.5})
    curve.add(1, {"loss": 2.0, "grad_norm": 7.0})
    curve.add(2, {"loss": 1.5})
    curve.add(2, {"learning_rate": 0.1})
    curve.add(2, {"loss": 1.25})
    with (tmp_path / CURVE_FILE).open("a") as file:
        file.write('not JSON\n[1]\n{"loss": 3}\n{"step": 3, "lo')
    held_out = {"loss": ((0, 2.5),), "MRR@10": ((0, 0.5),)}
    assert read_curve(tmp_path) == LearningCurve(((1, 2.0), (2, 1.25)), held_out)


def test_a_run_that_has_said_nothing_has_no_curve(tmp_path: Path) -> None:
    assert read_curve(tmp_path / "nowhere") is None


def test_what_is_seen_while_a_training_runs_is_what_its_report_says(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    words = ("fox", "dog", "copy", "engine", "people", "bread", "rain", "cat")
    rows = [query_positive(f"{opening} {word}", f"the {word}") for word in words for opening in ("a", "when", "then")]
    settings = TrainingSettings(epochs=2, batch_size=8, device="cpu", held_out_share=0.3)
    seen: list[LearningCurve | None] = []

    def watch(_: Progress) -> None:
        seen.append(read_curve(tmp_path / "run"))

    examples = Examples(Shape.QUERIES, tuple(rows))
    report = train(
        tiny_encoder_folder, examples, settings, tmp_path / "out", report=watch, checkpoints=tmp_path / "run"
    )
    whole, last = curve_of(report), seen[-1]
    assert last is not None
    assert len(last.loss) > 1
    assert last.loss == whole.loss[: len(last.loss)]
    assert last.held_out["loss"] == whole.held_out["loss"][: len(last.held_out["loss"])]
    assert last.held_out["loss"][0] == (0, report.before["loss"])
    assert whole.best_step == report.best_step
    assert not (tmp_path / "run").exists()  # the curve is in the report now


def test_another_run_in_the_same_folder_begins_a_curve_of_its_own(tmp_path: Path) -> None:
    CurveFile(tmp_path).add(1, {"loss": 2.0})
    clear(tmp_path)
    assert read_curve(tmp_path) is None
