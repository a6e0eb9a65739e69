"""Does work behind the back of whoever gives it: in order, one piece at a time, in a thread of its own.

So the sink writes a batch while the encoder is busy with the next one. What goes wrong is raised by the next `wait`.
"""

from collections.abc import Callable
from typing import Self

from ingest.worker import Worker


class Behind:
    """A queue of work; leaving it lets the piece at hand end and drops what hasn't begun."""

    def __init__(self) -> None:
        self._worker: Worker[None] = Worker()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def do(self, work: Callable[[], None]) -> None:
        """Queue a piece of work."""
        self._worker.give(work)

    @property
    def is_idle(self) -> bool:
        """Whether all that was queued is done, or has failed."""
        return self._worker.is_idle

    def wait(self) -> None:
        """Return when all that was queued is done; raises what the first piece that failed raised, and is over then."""
        while self._worker.waiting_count:
            self._worker.result()
