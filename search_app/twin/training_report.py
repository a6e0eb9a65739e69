"""What a training run leaves beside its encoder: report.json for programs, report.html for people.

A report names the run that made it, so that a run which is asked for again after its end is known to be done.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search_app.twin.findings import Finding, Severity

REPORT_FILE = "report.json"
PAGE_FILE = "report.html"

Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """The figure on the held-out part, before and after.

    Attributes:
        low: Lower end of the 95 % interval of `after` minus `before`, by a paired bootstrap.
        high: Its upper end.
        values_before: What the figure was made of: for each held-out example, or query, one value or two.
        values_after: The same after training, in the same order.
    """

    figure: str
    before: float
    after: float
    low: float
    high: float
    values_before: tuple[tuple[float, ...], ...]
    values_after: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a run did.

    Attributes:
        base: The name of the encoder that it began with.
        run: The run's identity: base, examples and settings in one hash.
        sources: How many examples came from what.
        loss_curve: Step, and the mean loss since the point before.
        held_out_curve: Step, and figures on the held-out part.
        best_step: Whose weights were kept: the lowest held-out loss, or the last step without a held-out part.
        before: Figures of the base encoder on the held-out part; empty without one.
        after: The same of the weights that were kept.
        gain: Of the figure, with its interval; None without a held-out part, or for a shape without a figure.
        findings: What the examples could be better in.
        seconds: Of all processes that the run took, one after the other.
        process_count: That shared each batch.
    """

    base: str
    base_fingerprint: str
    fingerprint: str
    run: str
    shape: str
    loss: str
    teacher: str | None
    sources: Mapping[str, int]
    example_count: int
    held_out_count: int
    step_count: int
    best_step: int
    loss_curve: Curve
    held_out_curve: tuple[tuple[int, Mapping[str, float]], ...]
    before: Mapping[str, float]
    after: Mapping[str, float]
    gain: Gain | None
    settings: Mapping[str, Any]
    findings: tuple[Finding, ...]
    seconds: float
    process_count: int


def report_json(report: TrainingReport) -> str:
    """The report as it lies in the encoder's folder."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def summary(report: TrainingReport) -> dict[str, Any]:
    """What it began with, learned from and gained; without curves, settings and what each example gave."""
    gain = report.gain
    return {
        "base": report.base,
        "loss": report.loss,
        "sources": dict(report.sources),
        "examples": report.example_count,
        "held_out": report.held_out_count,
        "steps": report.step_count,
        "best_step": report.best_step,
        "gain": gain and {name: getattr(gain, name) for name in ("figure", "before", "after", "low", "high")},
        "seconds": report.seconds,
    }


def read_report(folder: Path) -> TrainingReport | None:
    """The report in an encoder's folder; None where no run of this version has left one."""
    try:
        stored = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
        gain = stored["gain"]
        return TrainingReport(
            **stored
            | {
                "loss_curve": tuple((step, loss) for step, loss in stored["loss_curve"]),
                "held_out_curve": tuple((step, figures) for step, figures in stored["held_out_curve"]),
                "gain": gain and Gain(**gain | {side: _rows(gain[side]) for side in ("values_before", "values_after")}),
                "findings": tuple(
                    Finding(**one | {"severity": Severity(one["severity"])}) for one in stored["findings"]
                ),
            }
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _rows(stored: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in stored)
