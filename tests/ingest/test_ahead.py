import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice

import pytest

from ingest.ahead import ahead

WAIT_SECONDS = 30


def squared(number: int, _is_over: threading.Event) -> int:
    return number * number


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(ahead(squared, range(1_000), depth=3)) == [number * number for number in range(1_000)]
    assert list(ahead(squared, [], depth=3)) == []


def test_items_are_made_by_the_caller_and_worked_on_elsewhere() -> None:
    makers, workers = set(), set()

    def items() -> Iterator[int]:
        for number in range(5):
            makers.add(threading.current_thread())
            yield number

    def work(number: int, _is_over: threading.Event) -> int:
        workers.add(threading.current_thread())
        return number

    assert list(ahead(work, items(), depth=1)) == [0, 1, 2, 3, 4]
    assert makers == {threading.current_thread()}
    assert len(workers) == 1
    assert not workers & makers


def test_the_next_item_is_worked_on_while_the_caller_is_busy_and_no_further_one() -> None:
    begun = [threading.Event() for _ in range(4)]

    def work(number: int, _is_over: threading.Event) -> int:
        begun[number].set()
        return number

    asked = iter(range(4))
    with closing(ahead(work, asked, depth=1)) as results:
        assert next(results) == 0
        assert begun[1].wait(WAIT_SECONDS)
        assert list(asked) == [2, 3]


def test_an_error_comes_in_its_place_and_ends_the_thread() -> None:
    def work(number: int, _is_over: threading.Event) -> float:
        return 1 / (2 - number)

    before = threading.enumerate()
    results = ahead(work, count(), depth=2)
    assert list(islice(results, 2)) == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.enumerate() == before


def test_an_item_that_can_not_be_made_ends_the_thread() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError

    before = threading.enumerate()
    with pytest.raises(LookupError):
        list(ahead(squared, items(), depth=2))
    assert threading.enumerate() == before


def test_closed_early_it_tells_the_work_at_hand_and_begins_no_other() -> None:
    begun, over = threading.Event(), []

    def work(number: int, is_over: threading.Event) -> int:
        if number:
            begun.set()
            over.append((number, is_over.wait(WAIT_SECONDS)))
        return number

    before = threading.enumerate()
    with closing(ahead(work, count(), depth=3)) as results:
        assert next(results) == 0
        assert begun.wait(WAIT_SECONDS)
    assert over == [(1, True)]
    assert threading.enumerate() == before
