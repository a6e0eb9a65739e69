"""Does work behind the back of whoever gives it: in order, one piece at a time, in a thread of its own.

So the sink writes a batch while the encoder is busy with the next one. What goes wrong is raised by the next `wait`.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self


class Behind:
    """A queue of work; leaving it lets the piece at hand end and drops what hasn't begun."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._given: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def do(self, work: Callable[[], None]) -> None:
        """Queue a piece of work."""
        self._given.append(self._thread.submit(work))

    @property
    def is_idle(self) -> bool:
        """Whether all that was queued is done, or has failed."""
        return all(piece.done() for piece in self._given)

    def wait(self) -> None:
        """Return when all that was queued is done; raises what the first piece that failed raised."""
        given, self._given = self._given, []
        for piece in given:
            piece.result()
