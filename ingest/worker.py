"""A thread that works for another one, which never waits for it without a bound.

Ctrl-C may be raised between any two steps of the main thread. So the two talk over queues that are written in C: an
interrupt finds each of their steps undone or done, never with a lock in hand. Where the work itself stands still, say
before a lock that an interrupt left locked, it is left alone after a minute; a daemon, it holds up no process' end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

_Result = TypeVar("_Result")

_LOOK_SECONDS = 1.0  # so often somebody who waits looks whether the thread is still there
_END_SECONDS = 60.0  # longer than any call to Milvus or the catalogue


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class Worker(Generic[_Result]):
    """Pieces of work, done one after the other in a thread of their own; used by one thread."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Callable[[], _Result] | None] = SimpleQueue()
        self._done: SimpleQueue[_Result | _Raised] = SimpleQueue()
        self._thread = Thread(target=self._work, daemon=True)
        self._is_closed = False
        self.waiting_count = 0  # pieces whose results weren't taken yet

    def give(self, work: Callable[[], _Result]) -> None:
        """Queue a piece of work; the first one starts the thread."""
        if self._thread.ident is None:
            self._thread.start()
        self._given.put(work)
        self.waiting_count += 1

    @property
    def is_idle(self) -> bool:
        """Whether all that was given is done, or has failed."""
        return self._done.qsize() >= self.waiting_count

    def result(self) -> _Result:
        """What the oldest piece made whose result wasn't taken yet; raises what it raised."""
        while True:
            try:
                done = self._done.get(timeout=_LOOK_SECONDS)
            except Empty:
                if not self._thread.is_alive():
                    raise RuntimeError("A thread of the ingest ended without a result.") from None
            else:
                self.waiting_count -= 1
                break
        if isinstance(done, _Raised):
            raise done.error
        return done

    def close(self) -> None:
        """Drop what hasn't begun, and wait for the piece at hand, though no longer than a minute."""
        self._is_closed = True
        self._given.put(None)
        if self._thread.is_alive():
            self._thread.join(_END_SECONDS)

    def _work(self) -> None:
        while not self._is_closed:
            self._do(self._given.get())

    def _do(self, work: Callable[[], _Result] | None) -> None:
        if work is None or self._is_closed:
            return
        try:
            self._done.put(work())
        except BaseException as error:  # whatever it is, it is raised in the thread that asked for the work
            self._done.put(_Raised(error))
