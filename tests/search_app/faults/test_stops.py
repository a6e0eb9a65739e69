"""Ctrl-C once ends an ingest after its batch and says how to go on; twice ends it at once; neither loses text."""

from collections.abc import Callable
from pathlib import Path

import pytest

ROWS = 300
STOPPED = 130
SOON = "It stops at the end of this batch; once more, and it stops at once."
WRITING = "enter search_app/writing.py GenerationWriter.write"
HANDING_OVER = "enter search_app/index/vector_index.py VectorIndex.flush"


@pytest.fixture(scope="module")
def rows(write_rows: Callable[[Path, int, int], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", ROWS, 13)


@pytest.fixture(scope="module")
def calm(fault_home, rows: Path) -> dict[str, object]:
    """What an undisturbed ingest holds."""
    assert fault_home.ingest(rows, "calm") == 0
    return fault_home.contents("calm")


def count(home, collection: str) -> int:
    found = home.app.catalog.collections.get(collection)
    return int(home.app.catalog.documents.count(found.id))


def test_once_ends_it_after_the_batch_and_says_how_to_go_on(fault_home, rows: Path, calm: dict[str, object]) -> None:
    assert fault_home.ingest(rows, "once", interrupt=[(WRITING, 1)]) == STOPPED
    soon, stopped = fault_home.errors.strip().splitlines()
    assert soon == SOON
    assert stopped.startswith("Stopped after ")
    assert stopped.endswith(" documents (ingest). What is written stays; the same command goes on from there.")
    assert 60 <= count(fault_home, "once") < ROWS
    assert fault_home.app.unfinished("once") is None
    assert fault_home.ingest(rows, "once") == 0
    assert fault_home.contents("once") == calm


def test_twice_ends_it_at_once_and_the_next_one_checks_before_it_goes_on(
    fault_home, rows: Path, calm: dict[str, object]
) -> None:
    assert fault_home.ingest(rows, "twice", interrupt=[(WRITING, 2), (HANDING_OVER, 2)]) == STOPPED
    assert fault_home.errors.splitlines() == [SOON, "", "Interrupted."]
    before = count(fault_home, "twice")
    assert 60 <= before < ROWS
    told = fault_home.app.unfinished("twice")
    assert told is not None
    assert told.endswith("The next one checks the collection, then goes on.")
    assert fault_home.ingest(rows, "twice") == 0
    assert fault_home.errors.splitlines()[0] == told
    assert fault_home.contents("twice") == calm
