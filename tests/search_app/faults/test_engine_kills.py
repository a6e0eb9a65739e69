"""`kill -9` of the engine, during ingests and searches: nothing is lost, and answers come again within seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random

import psutil
import pytest

from search_app.app import SearchApp
from search_app.engine import Engine
from search_app.requests import IngestRequest

PARTLY_DONE = 3  # two of the files are broken on purpose
BACK_WITHIN_SECONDS = 10
STOPPED = {1, 5}  # Milvus refused, or nobody answered


def kill_engine(engine: Engine) -> None:
    """End the engine's process as the system does when memory runs out; none running is fine."""
    pid = engine.status().pid
    if pid is not None:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.kill()
            process.wait(10)


@contextmanager
def killed_again_and_again(engine: Engine, pauses: Iterator[float]) -> Iterator[list[float]]:
    """Kills the engine after each pause, until the block ends; the times of the kills."""
    is_over, times = threading.Event(), [0.0]

    def kill() -> None:
        for pause in pauses:
            if is_over.wait(pause):
                return
            kill_engine(engine)
            times.append(time.monotonic())

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield times
    finally:
        is_over.set()
        killer.join()


@pytest.fixture(scope="module")
def calm(fault_home, mixed_files: Path) -> dict[str, object]:
    """What an undisturbed ingest holds."""
    assert fault_home.ingest(mixed_files, "calm") == PARTLY_DONE
    return fault_home.contents("calm")


@pytest.mark.slow
def test_an_ingest_whose_engine_is_killed_goes_on_or_is_resumed(
    fault_home, mixed_files: Path, calm: dict[str, object], chance: Random, is_campaign: bool
) -> None:
    codes = []
    for number in range(20 if is_campaign else 2):
        name = f"kill{number}"
        pauses = [chance.uniform(0.2, 1.5) for _ in range(chance.randint(1, 3))]
        with killed_again_and_again(fault_home.app.engine, iter(pauses)):
            codes.append(fault_home.ingest(mixed_files, name))
        assert codes[-1] in {PARTLY_DONE, *STOPPED}, fault_home.errors
        if codes[-1] in STOPPED:
            assert "Traceback" not in fault_home.errors
            assert fault_home.errors.strip().count("\n") == 0, fault_home.errors
        assert fault_home.ingest(mixed_files, name) == PARTLY_DONE, fault_home.errors
        assert fault_home.contents(name) == calm, (number, codes)
        fault_home.drop(name)
    print(f"exit codes {codes}")
    assert fault_home.app.check().remaining == ()


def test_searches_answer_again_within_seconds_of_a_kill(
    home: Path, write_rows: Callable[[Path, int, int], Path], tmp_path: Path, chance: Random, is_campaign: bool
) -> None:
    with SearchApp.open(home) as app:
        app.ingest(IngestRequest((str(write_rows(tmp_path / "rows.jsonl", 200, 3)),)))
        right = app.search("kitten ocean").hits
        for _ in range(20 if is_campaign else 3):
            time.sleep(chance.uniform(0, 0.3))
            kill_engine(app.engine)
            begun = time.monotonic()
            assert app.search("kitten ocean").hits == right
            assert time.monotonic() - begun < BACK_WITHIN_SECONDS
        assert app.check().remaining == ()


def test_no_search_is_wrong_while_the_engine_dies_under_it(
    home: Path, write_rows: Callable[[Path, int, int], Path], tmp_path: Path, chance: Random
) -> None:
    with SearchApp.open(home) as app:
        app.ingest(IngestRequest((str(write_rows(tmp_path / "rows.jsonl", 200, 3)),)))
        right = app.search("kitten ocean").hits
        pauses = iter([chance.uniform(1, 2) for _ in range(3)])
        answered: list[float] = []
        with killed_again_and_again(app.engine, pauses) as kills:
            until = time.monotonic() + 5
            while time.monotonic() < until:
                assert app.search("kitten ocean").hits == right
                answered.append(time.monotonic())
        assert len(kills) > 1
        gaps = [later - before for before, later in pairwise(answered)]
        assert max(gaps) < BACK_WITHIN_SECONDS
