"""Tests and intervals over paired differences: how much of a difference may be chance.

Every figure is the same for the same differences: random draws begin from a fixed seed.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

_RESAMPLINGS = 2_000  # the ends of the interval then move by a hundredth of its width
_PERMUTATIONS = 9_999


def permutation_p(
    differences: Sequence[float], *, alternative: Literal["greater", "two-sided"] = "greater"
) -> float | None:
    """The chance that a mean difference is this large if all signs are equally likely; None when no query differs."""
    from scipy import stats

    if not any(differences):
        return None
    if len(differences) == 1:  # scipy asks for two; of the two signs of one, one or both are as large
        return 0.5 if alternative == "greater" and differences[0] > 0 else 1.0
    test: Any = stats.permutation_test(
        (differences,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type="samples",
        alternative=alternative,
        n_resamples=_PERMUTATIONS,
        vectorized=True,
        rng=0,
    )
    return float(test.pvalue)


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean, by drawing the values anew."""
    held = np.asarray(values, dtype=np.float64)
    shares = np.full(len(held), 1 / len(held))
    counts = np.random.default_rng(0).multinomial(len(held), shares, size=_RESAMPLINGS)  # (resamplings, values)
    low, high = np.quantile(counts @ held / len(held), [0.025, 0.975])
    return float(low), float(high)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p values, corrected for being several: the smallest times their number, the next times one less, and so on.

    Args:
        p_values: None stands for no difference, which is never significant and counts as a test all the same.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6.
    """
    count, highest = len(p_values), 0.0
    corrected: list[float | None] = [None] * count
    known = sorted((p_value, place) for place, p_value in enumerate(p_values) if p_value is not None)
    for rank, (p_value, place) in enumerate(known):
        highest = max(highest, min(1.0, (count - rank) * p_value))
        corrected[place] = highest
    return corrected
