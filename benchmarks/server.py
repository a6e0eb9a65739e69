"""The web page as people get it: a server process of its own for a home, with its address and its figures."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
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
    port = _free_port()
    command = [sys.executable, "-m", "search_app.cli", "ui", "--port", str(port), "--home", str(home), *options]
    begun = time.perf_counter()
    with (home / "ui.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, process)
        yield Server(address, process.pid, time.perf_counter() - begun)
    finally:
        process.terminate()
        process.wait(_END_SECONDS)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"The server at {address} didn't come up; its home's ui.log has the reason.")
