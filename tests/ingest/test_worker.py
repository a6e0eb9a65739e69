import threading

import pytest

from ingest.worker import Worker

WAIT_SECONDS = 30


def test_results_come_in_order_and_what_was_raised_in_its_place() -> None:
    worker: Worker[float] = Worker()
    for number in (2, 1, 0):
        worker.give(lambda number=number: 2 / number)
    assert [worker.result(), worker.result()] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        worker.result()
    worker.close()


def test_work_that_stands_still_is_left_to_a_thread_that_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt may leave a lock locked for which the work waits."""
    monkeypatch.setattr("ingest.worker._END_SECONDS", 0.05)
    lost, begun, before = threading.Lock(), threading.Event(), threading.enumerate()
    worker: Worker[bool] = Worker()
    with lost:
        worker.give(begun.set)
        worker.give(lost.acquire)
        assert begun.wait(WAIT_SECONDS)
        worker.close()
        (left,) = set(threading.enumerate()) - set(before)
        assert left.daemon
    left.join(WAIT_SECONDS)
    assert threading.enumerate() == before


def test_nobody_waits_for_the_result_of_a_thread_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.worker._LOOK_SECONDS", 0.01)
    begun, may_end = threading.Event(), threading.Event()
    worker: Worker[bool] = Worker()
    worker.give(lambda: begun.set() or may_end.wait(WAIT_SECONDS))
    worker.give(begun.is_set)
    assert begun.wait(WAIT_SECONDS)
    threading.Timer(0.05, may_end.set).start()
    worker.close()
    assert worker.result() is True
    with pytest.raises(RuntimeError, match="ended without a result"):
        worker.result()
