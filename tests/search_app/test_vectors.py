import logging
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

from search_app.vectors import Vector, VectorCache


def vector(*numbers: float) -> Vector:
    return numpy.array(numbers, dtype=numpy.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[VectorCache]:
    cache = VectorCache(path)
    yield cache
    cache.close()


def found(cache: VectorCache, key: str, *hashes: str) -> dict[str, list[float]]:
    return {name: each.tolist() for name, each in cache.get_many(key, hashes).items()}


def test_a_vector_comes_back_bit_for_bit(cache: VectorCache) -> None:
    rows = numpy.random.default_rng(7).standard_normal((600, 384), dtype=numpy.float32)
    cache.put_many("e:fp32", {f"h{i}": row for i, row in enumerate(rows)})
    kept = cache.get_many("e:fp32", [f"h{i}" for i in range(600)])
    assert numpy.array_equal(numpy.stack([kept[f"h{i}"] for i in range(600)]), rows)
    assert kept["h0"].dtype == numpy.float32


def test_another_encoder_or_precision_finds_nothing(cache: VectorCache) -> None:
    cache.put_many("e:fp32", {"a": vector(1, 0)})
    assert found(cache, "e:bf16", "a") == {}
    assert found(cache, "e:fp32", "a", "b") == {"a": [1, 0]}


def test_a_removed_text_is_forgotten_for_every_encoder(cache: VectorCache) -> None:
    cache.put_many("e:fp32", {"a": vector(1, 0), "b": vector(0, 1)})
    cache.put_many("e:bf16", {"a": vector(1, 0)})
    cache.remove(["a"])
    assert cache.size == 1
    assert found(cache, "e:fp32", "a", "b") == {"b": [0, 1]}


def test_only_its_owner_can_read_the_file(cache: VectorCache, path: Path) -> None:
    cache.put_many("e:fp32", {"a": vector(1, 0)})
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    cache: VectorCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "search_app.vectors")
    path.write_bytes(b"no database at all " * 100)
    assert found(cache, "e:fp32", "a") == {}
    cache.put_many("e:fp32", {"a": vector(1, 0)})
    assert found(cache, "e:fp32", "a") == {"a": [1, 0]}
    assert path.with_name("vectors.sqlite.damaged").read_bytes().startswith(b"no database at all")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "is damaged (file is not a database): set aside, a new one is begun." in caplog.text


def test_a_vector_with_flipped_bits_is_not_given_out(cache: VectorCache, path: Path) -> None:
    cache.put_many("e:fp32", {"a": vector(1, 0), "b": vector(0, 1)})
    file = sqlite3.connect(path)
    flipped = file.execute("SELECT vector FROM vectors WHERE hash = 'a'").fetchone()[0][:-1] + b"\x01"
    file.execute("UPDATE vectors SET vector = ? WHERE hash = 'a'", [flipped])
    file.commit()
    file.close()
    assert found(cache, "e:fp32", "a", "b") == {"b": [0, 1]}


def test_a_file_that_cannot_be_used_stops_nothing_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "search_app.vectors")
    cache = VectorCache(tmp_path / "no such folder" / "vectors.sqlite")
    cache.put_many("e:fp32", {"a": vector(1, 0)})
    cache.remove(["a"])
    assert (found(cache, "e:fp32", "a"), cache.size) == ({}, 0)
    assert len(caplog.records) == 1
    assert "can't be used" in caplog.text


def test_a_full_disk_keeps_what_was_there(cache: VectorCache, path: Path) -> None:
    cache.put_many("e:fp32", {"a": vector(1, 0)})
    pages = cache._file.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[union-attr]
    cache._file.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[union-attr]  # as a full disk answers
    cache.put_many("e:fp32", {f"big{i}": numpy.ones(4000, dtype=numpy.float32) for i in range(10)})
    cache.close()
    again = VectorCache(path)
    assert (again.size, found(again, "e:fp32", "a")) == (1, {"a": [1, 0]})
    again.close()


def test_a_file_that_is_deleted_between_runs_is_begun_anew(path: Path) -> None:
    first = VectorCache(path)
    first.put_many("e:fp32", {"a": vector(1, 0)})
    first.close()
    path.unlink()
    second = VectorCache(path)
    second.put_many("e:fp32", {"b": vector(0, 1)})
    assert found(second, "e:fp32", "a", "b") == {"b": [0, 1]}
    second.close()


PUT_FIFTY = """
import sys, pathlib
import numpy
from search_app.vectors import VectorCache
cache = VectorCache(pathlib.Path(sys.argv[1]))
for number in range(50):
    cache.put_many("e:fp32", {f"{sys.argv[2]}{number}": numpy.array([1, 0], numpy.float32)})
cache.close()
"""


def test_two_processes_lose_nothing_to_each_other(cache: VectorCache, path: Path) -> None:
    commands = [[sys.executable, "-c", PUT_FIFTY, str(path), name] for name in ("x", "y")]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert cache.size == 100
