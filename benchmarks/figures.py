"""Figures as Markdown, and what a run says about the machine it was made on."""

import os
import platform
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is left-aligned, figures to the right."""
    head = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]


def machine() -> str:
    """One line."""
    cores = f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} at the end)"
    return f"{cores}, {platform.machine()}, Python {platform.python_version()}."
