"""A process that is asked twice to stop ends, whatever it waits for."""

import signal
import subprocess
import sys

STUCK = """
import os, signal, threading
from search_app.stopping import stop_signals

lock = threading.Lock()
with stop_signals(at_once_seconds=1):
    os.kill(os.getpid(), signal.SIGINT)
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        lock.acquire()
        lock.acquire()
"""

WILLING = """
import os, signal, time
from contextlib import suppress
from search_app.stopping import stop_signals

with suppress(KeyboardInterrupt), stop_signals(at_once_seconds=1) as stop:
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.is_asked
    os.kill(os.getpid(), signal.SIGTERM)
time.sleep(1.2)
print("went on")
"""


def test_a_process_that_waits_for_ever_is_ended_by_the_second_signal() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == -signal.SIGALRM
    assert ended.stderr.startswith("It stops at the end of this batch")


def test_a_process_that_lets_go_is_left_alone() -> None:
    ended = subprocess.run([sys.executable, "-c", WILLING], capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stdout) == (0, "went on\n"), ended.stderr
