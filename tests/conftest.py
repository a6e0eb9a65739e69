"""The order of the files, and one embedded Milvus for the whole run: in a folder with a short path, for its socket."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_app.engine import Engine
from search_app.index import VectorIndex


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: a worker that takes one last has the others wait for it."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The session's embedded Milvus; started by its first use, stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    embedded = Engine(folder / "engine", idle_seconds=300)
    yield embedded
    embedded.stop()
    shutil.rmtree(folder)


@pytest.fixture
def index(engine: Engine) -> Iterator[VectorIndex]:
    """The door to the session's Milvus; what the test made is dropped after it, collections and aliases."""
    door = VectorIndex(engine)
    before = set(door.names())
    yield door
    for physical in set(door.names()) - before:
        for alias in door.aliases(physical):
            door.drop_alias(alias)
        door.drop(physical)
    door.close()
