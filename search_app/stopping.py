"""Ctrl-C, or SIGTERM: once stops long work at the edge of a batch, twice at once.

A handler runs between two steps of whatever the main thread does, which may hold any lock just then: it takes none.
An interrupt that comes where nobody expects it may leave a lock held, and a thread waiting for it for ever. So the
second one has an alarm behind it, by which the system ends the process; what is durable by then is kept, as after a
`kill -9`, and the job is seen to have been interrupted.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from ingest.progress import Progress
from search_app.errors import Cancelled

_SOON = b"It stops at the end of this batch; once more, and it stops at once.\n"
_STDERR = 2
_AT_ONCE_SECONDS = 10  # to let go of files and processes


@dataclass(slots=True)
class Stop:
    """Whether somebody has asked for the end."""

    is_asked: bool = False

    def check(self, progress: Progress) -> None:
        """A listener that ends the work once it was asked to.

        Raises:
            Cancelled: It was.
        """
        if self.is_asked:
            raise Cancelled(
                f"Stopped after {progress.done:,} {progress.unit} ({progress.stage}). "
                "What is written stays; the same command goes on from there."
            )


@contextmanager
def stop_signals(*, at_once_seconds: int = _AT_ONCE_SECONDS) -> Iterator[Stop]:
    """Listens to SIGINT and SIGTERM; in another thread than the main one, nothing is heard.

    Args:
        at_once_seconds: From the second signal to the end of the process, if it doesn't leave by itself.

    Raises:
        KeyboardInterrupt: The second signal, anywhere in the main thread.
    """
    stop = Stop()

    def _hear(_number: int, _frame: FrameType | None) -> None:
        if stop.is_asked:
            signal.alarm(at_once_seconds)
            raise KeyboardInterrupt
        stop.is_asked = True
        os.write(_STDERR, _SOON)  # a stream may be in the middle of a line, and refuses a second writer

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, _hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)
