"""Rows of Markdown."""

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.training.trainers import Run


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is left-aligned, figures to the right."""
    head = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def percent(value: float) -> str:
    """A share of one in hundredths."""
    return f"{value * 100:.2f}"


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean in hundredths, with the standard deviation where there are several values."""
    spread = f" ± {statistics.stdev(values) * 100:.2f}" if len(values) > 1 else ""
    return percent(statistics.fmean(values)) + spread


def seconds_of(runs: Sequence[Run]) -> tuple[str, str]:
    """Mean seconds of the clock and of the processor."""
    return (
        f"{statistics.fmean(run.seconds for run in runs):.0f}",
        f"{statistics.fmean(run.processor_seconds for run in runs):.0f}",
    )
