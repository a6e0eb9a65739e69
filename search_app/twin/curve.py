"""The figures of a training under way, for whoever watches: a line of JSON a point, beside the run's checkpoints.

A run that goes on from a checkpoint comes by the steps behind it again: the later line of a step counts. A line that
was cut off counts for nothing. Nothing depends on this file: what a run leaves for good is its report.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from search_app.twin.checkpoints import CURVE_FILE
from search_app.twin.report_page import held_out_curve
from search_app.twin.training_report import Curve, TrainingReport

_HELD_OUT = "eval_"  # what the library puts before figures on the held-out part


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How a training goes.

    Attributes:
        loss: Step, and the mean loss since the point before.
        held_out: For each figure on the held-out part, among them "loss": step and value, from before the first step.
        best_step: Whose weights were kept; None as long as it goes on.
    """

    loss: Curve
    held_out: Mapping[str, Curve]
    best_step: int | None = None


class CurveFile:
    """Writes the points of a run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CURVE_FILE

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Adds what is known at a step: "loss", or figures on the held-out part under the library's names."""
        kept = {name: value for name, value in figures.items() if name == "loss" or name.startswith(_HELD_OUT)}
        if not kept:
            return
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:  # a checkpoint tells of a full disk
            file.write(json.dumps({"step": step, **kept}) + "\n")

    def add_held_out(self, step: int, figures: Mapping[str, float]) -> None:
        """The same for figures on the held-out part under their own names."""
        self.add(step, {f"{_HELD_OUT}{name}": value for name, value in figures.items()})


def read_curve(folder: Path) -> LearningCurve | None:
    """What the run that has its checkpoints in this folder has written so far; None where nothing is."""
    points: dict[str, dict[int, float]] = {}
    for step, figures in _points(folder / CURVE_FILE):
        for name, value in figures.items():
            points.setdefault(name, {})[step] = value
    if not points:
        return None
    curves = {name: tuple(sorted(own.items())) for name, own in points.items()}
    held_out = {name.removeprefix(_HELD_OUT): own for name, own in curves.items() if name.startswith(_HELD_OUT)}
    return LearningCurve(curves.get("loss", ()), held_out)


def curve_of(report: TrainingReport) -> LearningCurve:
    """The curve of a run that is done."""
    held_out = {name: held_out_curve(report, name) for name in report.after}
    return LearningCurve(report.loss_curve, held_out, report.best_step)


def _points(path: Path) -> Iterator[tuple[int, dict[str, float]]]:
    with suppress(OSError), path.open(encoding="utf-8") as file:
        for line in file:
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                point = json.loads(line)
                yield int(point.pop("step")), {str(name): float(value) for name, value in point.items()}
