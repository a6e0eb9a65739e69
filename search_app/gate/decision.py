"""What paired differences between two generations allow to be said: figures in, a ruling out.

A difference is the new generation's nDCG@10 minus the live one's, for one query. The test is one-sided: the live
generation stays unless the new one is shown to be better. Nothing here knows of searches, generations or files.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from search_app.evaluation import bootstrap_interval, permutation_p

P_MOST = 0.05  # the chance, that the gate accepts, of switching for nothing

_Z_TEST = 1.645  # of a one-sided test at P_MOST
_Z_POWER = 0.842  # that the test finds the difference four times in five


class Ruling(StrEnum):
    """Why the gate decides as it does."""

    BETTER = "better"
    NOT_WORSE = "not worse"
    WORSE = "worse"
    UNDECIDED = "undecided"
    GUARD = "guard"
    COLLAPSED = "collapsed"

    @property
    def is_passed(self) -> bool:
        """Whether the new generation may go live."""
        return self in (Ruling.BETTER, Ruling.NOT_WORSE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the differences say.

    Attributes:
        low: Lower end of the 95 % interval of the mean difference, by a paired bootstrap.
        high: Its upper end.
        p_value: One-sided, of the mean being above 0 by chance; where only a margin was left to be shown, of the mean
            raised by it. None when no query differs.
        needed_count: Queries that would decide a difference of this size; None where there is none to decide.
    """

    ruling: Ruling
    difference: float
    low: float
    high: float
    p_value: float | None
    wins: int
    losses: int
    ties: int
    needed_count: int | None


def decide(differences: Sequence[float], *, margin: float | None = None) -> Decision:
    """The ruling on paired differences.

    Args:
        differences: At least one.
        margin: The loss that would be put up with; None asks for a gain.
    """
    difference = math.fsum(differences) / len(differences)
    ruling, p_value = _ruling(differences, difference, margin)
    low, high = bootstrap_interval(differences)
    return Decision(
        ruling=ruling,
        difference=difference,
        low=low,
        high=high,
        p_value=p_value,
        wins=sum(one > 0 for one in differences),
        losses=sum(one < 0 for one in differences),
        ties=sum(one == 0 for one in differences),
        needed_count=needed_count(differences),
    )


def _ruling(differences: Sequence[float], mean: float, margin: float | None) -> tuple[Ruling, float | None]:
    """What is shown, and how surely: a gain by itself comes first, a margin counts where that isn't enough."""
    p_value = permutation_p(differences)
    if mean > 0 and _is_shown(p_value):
        return Ruling.BETTER, p_value
    if margin is not None:
        p_value = permutation_p([one + margin for one in differences])
        if _is_shown(p_value):
            return Ruling.NOT_WORSE, p_value
    return Ruling.WORSE if mean < 0 else Ruling.UNDECIDED, p_value


def _is_shown(p_value: float | None) -> bool:
    return p_value is not None and p_value < P_MOST


def needed_count(differences: Sequence[float]) -> int | None:
    """How many queries show a difference of this size and spread at P_MOST, four times in five.

    n = ((z_test + z_power) s / d)^2 for a mean of d and a standard deviation of s.

    Returns:
        None for fewer than two queries, or for a difference that isn't a gain.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2 or mean <= 0:
        return None
    return math.ceil(((_Z_TEST + _Z_POWER) * float(values.std(ddof=1)) / mean) ** 2)
