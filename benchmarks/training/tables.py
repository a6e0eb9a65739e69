"""Cells of the tables that tell of trainings."""

import statistics
from collections.abc import Sequence

from benchmarks.training.trainers import Run


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
