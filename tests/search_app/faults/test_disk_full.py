"""A disk that is full, at every size of it: one sentence, exit 1, no committed document lost, and on it goes with room.

The home lies in a small file system of its own, which only root may make. Where nobody may, and beside it, no file may
grow beyond a limit, which fails in the same calls.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
FULL = 1
ROWS = 600 if IS_CAMPAIGN else 200
BYTES = 5_000 * ROWS  # about what they take
NOTICE = "The vector cache "  # does without the cache, and says so


@pytest.fixture(scope="module")
def rows(write_rows: Callable[[Path, int, int], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", ROWS, 11)


def committed(home, collection: str) -> set[str]:
    """The documents that the catalogue holds."""
    found = home.app.catalog.collections.find(collection)
    if found is None:
        return set()
    return {one.id for one in home.app.catalog.documents.list(found.id, limit=ROWS)}


def assert_told_in_a_sentence(home, code: int, size: int) -> None:
    """The ingest had room enough, or ended with 1 and one sentence."""
    print(f"room {size}: exit code {code} {home.errors.strip()[-200:]}")
    told = [line for line in home.errors.strip().splitlines() if not line.startswith(NOTICE)]
    assert code in {0, FULL}, (size, told)
    if code == FULL:
        assert len(told) == 1, (size, told)
        assert not told[0].startswith("A fault in Twinsearch"), (size, told)


@pytest.mark.slow
def test_files_that_may_not_grow_end_an_ingest_with_a_sentence(
    fault_home, rows: Path, chance: Random, is_campaign: bool
) -> None:
    assert fault_home.ingest(rows, "calm") == 0
    calm = fault_home.contents("calm")
    largest = max(path.stat().st_size for path in fault_home.path.glob("*.sqlite*"))
    for number in range(24 if is_campaign else 2):
        name, size = f"limit{number}", int(largest * chance.uniform(0.2, 3.0))
        fault_home.app.engine.stop()  # the ingest starts another one, to which the limit applies as well
        code = fault_home.ingest(rows, name, file_bytes=size)
        assert_told_in_a_sentence(fault_home, code, size)
        before = committed(fault_home, name)
        fault_home.app.engine.stop()
        assert fault_home.ingest(rows, name) == 0, (size, fault_home.errors)
        assert before <= committed(fault_home, name), size
        assert fault_home.contents(name) == calm, size
        fault_home.drop(name)
    assert fault_home.app.check().remaining == ()


def test_a_full_disk_ends_an_ingest_with_a_sentence_and_loses_nothing(
    small_home, rows: Path, chance: Random, is_campaign: bool
) -> None:
    assert small_home.ingest(rows, "calm") == 0
    calm, ballast = small_home.contents("calm"), small_home.path.parent / "ballast"
    for number in range(24 if is_campaign else 3):
        name, room = f"full{number}", int(chance.random() ** 2 * BYTES)
        free = shutil.disk_usage(small_home.path).free
        ballast.write_bytes(bytes(max(free - room, 0)))
        code = small_home.ingest(rows, name)
        assert_told_in_a_sentence(small_home, code, room)
        ballast.unlink()
        before = committed(small_home, name)
        assert small_home.ingest(rows, name) == 0, (room, small_home.errors)
        assert before <= committed(small_home, name), room
        assert small_home.contents(name) == calm, room
        small_home.drop(name)
    assert small_home.app.check().remaining == ()
