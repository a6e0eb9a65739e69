"""The web page as people get it: a server process of its own for a home, with its address and its figures."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_UP_SECONDS = 300  # of a machine that has much else to do; seconds on a quiet one
_END_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `up_seconds` is how long it took from its start until it answered."""

    address: str
    pid: int
    up_seconds: float

    @property
    def resident_bytes(self) -> int:
        """The memory that the process holds."""
        return int(psutil.Process(self.pid).memory_info().rss)

    @property
    def thread_count(self) -> int:
        """How many threads it has."""
        return psutil.Process(self.pid).num_threads()


@contextmanager
def served(home: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for a home, which ends with the block; what it says is in the home's ui.log.

    Raises:
        TimeoutError: It ended, or doesn't answer.
    """
    port = free_port()
    command = [sys.executable, "-m", "search_app.cli", "ui", "--port", str(port), "--home", str(home), *options]
    with running(command, port, home / "ui.log", environment or {}) as server:
        yield server


@contextmanager
def running(command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """A Streamlit server that a command starts at a port, with the log of what it says.

    Raises:
        TimeoutError: It ended, or doesn't answer.
    """
    begun = time.perf_counter()
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, **environment})
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, process, log)
        yield Server(address, process.pid, time.perf_counter() - begun)
    finally:
        process.terminate()
        process.wait(_END_SECONDS)


def free_port() -> int:
    """A port of this machine that nobody listens at just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_up(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"The server at {address} didn't come up; {log} has the reason.")
