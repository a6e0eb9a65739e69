"""Does work ahead of whoever needs what comes of it: in order, in a thread of its own.

Items are asked for in the thread of the caller, so what makes them needs no locks; only the work runs elsewhere.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

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
    waiting: deque[Future[_Result]] = deque()
    thread = ThreadPoolExecutor(max_workers=1)
    try:
        for item in items:
            waiting.append(thread.submit(work, item, is_over))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # whoever listens may have gone
        is_over.set()
        thread.shutdown(cancel_futures=True)
