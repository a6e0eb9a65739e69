"""Does work ahead of whoever needs what comes of it: in order, in a thread of its own.

Items are asked for in the thread of the caller, so what makes them needs no locks; only the work runs elsewhere.
"""

from collections.abc import Callable, Generator, Iterable
from functools import partial
from threading import Event
from typing import TypeVar

from ingest.worker import Worker

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def ahead(
    work: Callable[[_Item, Event], _Result], items: Iterable[_Item], *, depth: int
) -> Generator[_Result, None, None]:
    """What the work makes of each item, in their order; what it raises is raised in the place of its result.

    Args:
        work: Gets an item, and an event that is set once nobody waits for the result.
        items: No more than `depth` + 1 of them are on their way at a time.
        depth: So many are worked on or done while the caller is busy with the result of another.
    """
    is_over = Event()
    worker: Worker[_Result] = Worker()
    try:
        for item in items:
            worker.give(partial(work, item, is_over))
            if worker.waiting_count > depth:
                yield worker.result()
        while worker.waiting_count:
            yield worker.result()
    finally:  # whoever listens may have gone
        is_over.set()
        worker.close()
