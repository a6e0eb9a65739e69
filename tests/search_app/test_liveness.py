"""A process is known by its number and its beginning, whatever happens to the machine's clock."""

import os
import subprocess
import sys

import psutil
import pytest

from search_app.liveness import began, lives


def test_a_process_lives_until_it_ends_even_if_nobody_has_asked_how_it_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        beginning = began(process.pid)
        assert lives(process.pid, beginning)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert not lives(process.pid, beginning)
    assert not lives(process.pid, beginning)
    with pytest.raises(psutil.NoSuchProcess):
        began(process.pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the simulated clock is that of Linux")
def test_a_clock_that_is_put_right_makes_nothing_look_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    beginning, told = began(os.getpid()), psutil.Process().create_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 3600.0)
    assert abs(psutil.Process().create_time() - told) > 1000  # what psutil derives from the clock has moved
    assert lives(os.getpid(), beginning)


def test_another_beginning_is_another_process() -> None:
    own = os.getpid()
    assert not lives(own, began(own) + 0.01)
    assert not lives(own, None)
    assert not lives(None, began(own))


def test_a_beginning_that_an_older_version_wrote_down_still_counts() -> None:
    told = psutil.Process().create_time()
    assert lives(os.getpid(), told + 0.5)
    assert not lives(os.getpid(), told - 100)
