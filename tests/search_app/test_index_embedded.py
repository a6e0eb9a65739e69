"""Embedded Milvus' own trouble: its process dies, hangs, restarts, fails to write, or has two writers."""

import shutil
import subprocess
import sys
import time
from typing import Any

import numpy as np
import psutil
import pytest

from search_app.engine import Engine
from search_app.errors import IndexFailure, MilvusUnreachable
from search_app.index import Server, VectorIndex

DIM = 16
IDS = [f"{number:032x}" for number in range(5)]


def filled(index: VectorIndex, physical: str) -> Any:
    rows = np.eye(5, DIM, dtype=np.float32)
    index.upsert(physical, IDS, rows, [{"title": id_} for id_ in IDS])
    return rows


def killed(engine: Engine) -> None:
    process = psutil.Process(engine.status().pid)
    process.kill()
    while engine.status().running:
        time.sleep(0.05)


def test_rows_outlive_a_kill_of_the_engine(index: VectorIndex, engine: Engine) -> None:
    index.create("kept", DIM, {"fingerprint": "f"})
    rows = filled(index, "kept")
    killed(engine)
    assert index.count("kept") == 5
    assert index.search("kept", rows[3:4], limit=1)[0][0].id == IDS[3]
    assert index.properties("kept")["fingerprint"] == "f"


def test_another_door_is_not_disturbed_by_a_restart(index: VectorIndex, engine: Engine) -> None:
    index.create("kept", DIM, {})
    rows = filled(index, "kept")
    other = VectorIndex(engine)
    assert other.count("kept") == 5
    engine.restart()  # comes back with nothing loaded, at the same address
    assert len(other.search("kept", rows[:1], limit=5)[0]) == 5
    assert index.count("kept") == 5
    other.close()


def test_after_a_failed_write_the_engine_is_a_fresh_one(index: VectorIndex, engine: Engine) -> None:
    index.create("kept", DIM, {})
    filled(index, "kept")
    index.create("damaged", DIM, {})
    filled(index, "damaged")
    before = engine.status().pid
    damaged = engine.folder / "data" / "collections" / "damaged"
    shutil.rmtree(damaged)
    damaged.write_text("no folder")
    with pytest.raises(IndexFailure, match=r"Milvus at unix:.* could not flush damaged: "):
        index.flush("damaged")
    damaged.unlink()
    assert engine.status().pid != before
    assert index.count("kept") == 5


def test_two_processes_writing_at_once_lose_nothing(index: VectorIndex, engine: Engine) -> None:
    index.create("kept", DIM, {})
    code = """
import sys, pathlib, numpy as np
from search_app.engine import Engine
from search_app.index import VectorIndex
index, name = VectorIndex(Engine(pathlib.Path(sys.argv[1]))), sys.argv[2]
row = np.eye(1, 16, dtype=np.float32)
for number in range(60):
    index.upsert("kept", [f"{name}{number}"], row, [{}])
index.close()
"""
    command = [sys.executable, "-c", code, str(engine.folder)]
    writers = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert index.present("kept", [f"{name}{n}" for name in "ab" for n in range(60)]) == {
        f"{name}{n}" for name in "ab" for n in range(60)
    }


def test_nobody_listening_is_told_with_the_remedy() -> None:
    door = VectorIndex(Server("http://127.0.0.1:1"), timeout_seconds=1)
    with pytest.raises(MilvusUnreachable) as told:
        door.names()
    assert str(told.value).startswith("No Milvus answers at http://127.0.0.1:1 ")
    assert str(told.value).endswith("Start it with `docker compose up -d`, or give its address with `--milvus-uri`.")


def test_a_server_that_hangs_is_given_up_after_the_timeout(index: VectorIndex, engine: Engine) -> None:
    index.create("kept", DIM, {})
    hurried = VectorIndex(engine, timeout_seconds=2)
    assert hurried.names() == ["kept"]
    process = psutil.Process(engine.status().pid)
    process.suspend()
    try:
        begun = time.monotonic()
        with pytest.raises(MilvusUnreachable, match="did not answer within 2 seconds"):
            hurried.count("kept")
        assert time.monotonic() - begun < 10
    finally:
        process.resume()
        hurried.close()
