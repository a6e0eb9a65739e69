"""What is heard of a run under way: its step, its loss and its speed to whoever watches, its figures to the log."""

import logging
import time
from collections import deque

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ingest.progress import Progress, Report
from search_app.twin.checkpoints import Stopwatch
from search_app.twin.curve import CurveFile

_log = logging.getLogger("search_app.twin.training")
_LOSSES_SHOWN = 20  # batches whose mean loss is shown: a single batch's jumps about


class Listener(TrainerCallback):
    """Tells how far the training is, and writes its losses to the log and to the run's curve.

    Args:
        report: Hears of every step.
        stopwatch: Only of the leading process, as the curve.
        curve: Where the figures are kept for whoever watches.
    """

    def __init__(self, report: Report, stopwatch: Stopwatch | None, curve: CurveFile | None = None) -> None:
        self._report = report
        self._stopwatch = stopwatch
        self._curve = curve
        self._losses: deque[float] = deque(maxlen=_LOSSES_SHOWN)
        self._begun = time.monotonic()
        self._row_count = 0

    def count(self, loss: float, row_count: int) -> None:
        """Take note of a batch."""
        self._losses.append(loss)
        self._row_count += row_count

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002  # the library names what it passes
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: object,
    ) -> None:
        """The first report; after a resume it doesn't begin at 0."""
        self._report(Progress("train", state.global_step, state.max_steps, "steps", self._note()))

    on_step_end = on_train_begin

    def _note(self) -> str:
        if not self._losses:
            return ""
        rate = self._row_count / (time.monotonic() - self._begun)
        return f"loss {sum(self._losses) / len(self._losses):.4f}, {rate:,.1f} examples/s"

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """One line with the figures at hand."""
        if self._stopwatch is not None:
            self._stopwatch.write()
        if self._curve is not None:
            self._curve.add(state.global_step, logs or {})
        figures = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        _log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)
