"""How a run ends: once, also when it is asked for again, and with nothing lost when there was no room."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ingest.progress import Progress
from search_app.errors import Cancelled, TrainingError
from search_app.twin.checkpoints import complete_checkpoints
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Examples

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_that_has_ended_is_not_done_again(train_tiny: Callable, forty_queries: Examples, tmp_path: Path) -> None:
    first = train_tiny(forty_queries, dims=(32, 16))
    left = tmp_path / "checkpoints" / "checkpoint-4"  # as after a kill between the encoder and the sweep
    left.mkdir(parents=True)
    heard: list[Progress] = []
    assert train_tiny(forty_queries, dims=(32, 16), report=heard.append) == first
    assert heard == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_encoder_of_another_run_is_not_replaced(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    kept = train_tiny(forty_queries, max_steps=1).fingerprint
    with pytest.raises(TrainingError) as caught:
        train_tiny(forty_queries, max_steps=2)
    assert str(caught.value) == f"{tmp_path / 'out'} exists already; expected a new folder. Choose another name."
    assert TwinEncoder.load(tmp_path / "out", device="cpu", precision="fp32").fingerprint == kept


def test_an_encoder_that_could_not_be_written_is_written_later_without_training_again(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    undisturbed = train_tiny(forty_queries, place=tmp_path / "undisturbed")
    shelf = tmp_path / "shelf"

    def block(progress: Progress) -> None:
        if progress.done == progress.total:
            shelf.write_text("a file where a folder belongs")

    with pytest.raises(TrainingError, match=r"can't be written to .*shelf/out \(.*\)\. Free some space"):
        train_tiny(forty_queries, out=shelf / "out", report=block)
    shelf.unlink()
    heard: list[Progress] = []
    report = train_tiny(forty_queries, out=shelf / "out", report=heard.append)
    assert [one.done for one in heard] == [undisturbed.step_count]
    assert report.fingerprint == undisturbed.fingerprint


def test_seconds_of_a_process_that_was_stopped_count(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 5:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        train_tiny(forty_queries, report=stop)
    assert complete_checkpoints(tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "seconds.txt").write_text("1000.0")
    assert 1000 < train_tiny(forty_queries).seconds < 1500


def test_the_weights_that_are_kept_are_those_of_the_best_step(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    report = train_tiny(forty_queries, epochs=20, learning_rate=3e-2, evaluations=20, patience=3, held_out_share=0.3)
    assert report.best_step < report.step_count
    again = train_tiny(forty_queries, base=tmp_path / "out", place=tmp_path / "again", max_steps=1, held_out_share=0.3)
    assert again.before == pytest.approx(report.after, abs=1e-6)


def test_the_last_step_is_measured_whatever_the_number_of_steps(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    report = train_tiny(forty_queries, max_steps=5, evaluations=2)
    assert [step for step, _ in report.held_out_curve] == [3, 5]


def test_in_bf16_the_products_are_half_and_the_loss_falls_all_the_same(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    exact = train_tiny(forty_queries, place=tmp_path / "fp32", epochs=6, held_out_share=0.3)
    half = train_tiny(forty_queries, place=tmp_path / "bf16", epochs=6, held_out_share=0.3, precision="bf16")
    assert half.fingerprint != exact.fingerprint
    assert half.before == exact.before  # measured in float32 in both
    assert half.after["loss"] < 0.95 * half.before["loss"]
    assert half.after["loss"] == pytest.approx(exact.after["loss"], rel=0.2)
    weights = TwinEncoder.load(tmp_path / "bf16" / "out", device="cpu", precision="fp32").network.state_dict()
    assert {one.dtype for one in weights.values() if one.is_floating_point()} == {torch.float32}
