"""Doors to embedded Milvus and to a server, for tests that hold both to the same.

The server is the one at TWINSEARCH_TEST_MILVUS_URI, or the package milvus==2.3.5 in an environment of its own
at TWINSEARCH_TEST_MILVUS, which is started here; with neither, only embedded Milvus is tested.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from search_app.errors import IndexFailure, MilvusUnreachable
from search_app.index import Server, VectorIndex

DIM = 16
PATIENCE_SECONDS = 300.0  # the largest filter takes embedded Milvus seconds, and many times as long on a busy machine


@pytest.fixture(scope="session")
def server_uri() -> Iterator[str]:
    """The address of a real Milvus, started from the package if none is named."""
    named = os.environ.get("TWINSEARCH_TEST_MILVUS_URI")
    installed = os.environ.get("TWINSEARCH_TEST_MILVUS")
    if named:
        yield named
    elif installed:
        with packaged_milvus(Path(installed)) as uri:
            yield uri
    else:
        pytest.skip("no Milvus server: set TWINSEARCH_TEST_MILVUS_URI, or run `make test-server`")


@contextlib.contextmanager
def packaged_milvus(environment: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="tw-milvus-"))
    command = [environment / "bin" / "milvus-server", "--data", folder / "data", "--proxy-port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    children = []
    try:
        uri = f"http://127.0.0.1:{port}"
        wait_until_it_answers(uri)
        children = psutil.Process(process.pid).children(recursive=True)
        yield uri
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        for child in [process, *children]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_it_answers(uri: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            VectorIndex(Server(uri)).names()
            return
        except (MilvusUnreachable, IndexFailure):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


@pytest.fixture(params=["embedded", "server"])
def door(request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
    """The index under test; what the test made is dropped and nothing else."""
    fixture = request.getfixturevalue
    milvus = fixture("engine") if request.param == "embedded" else Server(fixture("server_uri"))
    opened = VectorIndex(milvus, timeout_seconds=PATIENCE_SECONDS)
    before = set(opened.names())
    yield opened
    for physical in set(opened.names()) - before:
        for alias in opened.aliases(physical):
            opened.drop_alias(alias)
        opened.drop(physical)
    opened.close()


@pytest.fixture
def physical(door: VectorIndex) -> str:
    name = f"twin_test_{uuid.uuid4().hex[:8]}"
    door.create(name, DIM, {"fingerprint": "f" * 64})
    return name
