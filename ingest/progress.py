"""How far long work has come.

A piece of work calls its `Report` with a `Progress` at least once a batch; the listener may raise to stop
the work there, and what was done until then stays done.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of one stage of the work; `total` is None while nobody knows it.

    `note` is what else people want to see move, such as a loss.
    """

    stage: str
    done: int
    total: int | None
    unit: str
    note: str = ""


Report = Callable[[Progress], None]


def unheard(progress: Progress) -> None:
    """A `Report` for work that nobody watches."""


@dataclass(slots=True)
class Pace:
    """The rate of the stage at hand, from the progress seen since it began."""

    clock: Callable[[], float] = time.monotonic
    _stage: str = field(default="", init=False)
    _begun: float = field(default=0.0, init=False)
    _done_at_begin: int = field(default=0, init=False)

    def rate(self, progress: Progress) -> float | None:
        """Units a second since the stage began; None until a second report of the stage."""
        if progress.stage != self._stage:
            self._stage, self._begun, self._done_at_begin = progress.stage, self.clock(), progress.done
            return None
        elapsed = self.clock() - self._begun
        done = progress.done - self._done_at_begin
        return done / elapsed if elapsed > 0 and done > 0 else None

    def eta_seconds(self, progress: Progress) -> float | None:
        """Seconds until the stage is done at this rate; None when the rate or the total is unknown."""
        rate = self.rate(progress)
        if rate is None or progress.total is None:
            return None
        return max(progress.total - progress.done, 0) / rate
