"""Several users who ask at once: each asks his next query when the last one is answered."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")


def ask_all(ask: Callable[[str], Answer], queries: Sequence[str], user_count: int) -> list[tuple[float, Answer]]:
    """Each query's milliseconds, and its answer, in the order of the queries."""

    def one(query: str) -> tuple[float, Answer]:
        begun = time.perf_counter()
        answer = ask(query)
        return (time.perf_counter() - begun) * 1000, answer

    with ThreadPoolExecutor(user_count) as users:
        return list(users.map(one, queries))
