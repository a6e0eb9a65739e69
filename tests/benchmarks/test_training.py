"""Without dropout, sentence-transformers' trainer leaves the weights that ours leaves."""

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.training import trainers
from search_app.twin.examples import Example, Examples, Shape
from search_app.twin.training import TrainingSettings

WORDS = ("cell", "protein", "river", "engine", "copper", "night", "doctor", "window", "market", "signal", "bridge")
_DROPOUT = torch.nn.Dropout.__init__


def no_dropout(layer: torch.nn.Dropout, _share: float = 0.5, inplace: bool = False) -> None:
    _DROPOUT(layer, 0.0, inplace)


def text(words: random.Random) -> str:
    return " ".join(words.choices(WORDS, k=words.randint(2, 30)))


@pytest.mark.parametrize(
    ("shape", "loss"), [(Shape.SCORED_PAIRS, "cosent"), (Shape.QUERIES, "in-batch-negatives")], ids=str
)
def test_both_trainers_leave_the_same_weights(
    shape: Shape, loss: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.Dropout, "__init__", no_dropout)
    monkeypatch.setattr(trainers, "DEFAULT_ENCODER", str(tiny))
    words = random.Random(5)
    is_scored = shape is Shape.SCORED_PAIRS
    rows = tuple(Example((text(words), text(words)), words.random() if is_scored else None) for _ in range(48))
    plan = {"epochs": 1, "batch_size": 8, "max_tokens": 16, "held_out_share": 0, "evaluations": 1}
    settings = TrainingSettings(loss=loss, learning_rate=1e-3, precision="fp32", **plan)  # as theirs is everywhere
    ends = {}
    for name, train in trainers.TRAINERS.items():
        train(Examples(shape, rows), settings, tmp_path / name)
        ends[name] = load_file(tmp_path / name / "model.safetensors")
    begun = load_file(tiny / "model.safetensors")
    ours, theirs = ends["Twinsearch"], ends["sentence-transformers"]
    moved = max(float((ours[name] - begun[name]).abs().max()) for name in begun)
    assert moved > 1e-3
    for name in begun:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=moved / 100)
