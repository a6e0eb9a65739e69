"""Each file of the engine's folder, cut short, emptied or removed: no answer is wrong, and a repair brings all back."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from random import Random

import numpy as np
import pytest

from search_app.app import SearchApp
from search_app.engine.inspection import remove_damaged
from search_app.errors import IndexFailure

QUERY = "kitten ocean"

Vectors = Mapping[str, tuple[float, ...]]


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.fixture(scope="module")
def kept(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's folder as it was closed."""
    return Path(shutil.copytree(filled_home / "engine", tmp_path_factory.mktemp("kept") / "engine"))


@contextmanager
def opened(home: Path) -> Iterator[SearchApp]:
    with SearchApp.open(home) as app:
        try:
            yield app
        finally:
            app.engine.stop()


def answers(app: SearchApp) -> list[tuple[str, float]]:
    return [(hit.document_id, round(hit.score, 5)) for hit in app.search(QUERY, mode="dense").hits]


def refusal(app: SearchApp) -> str | None:
    """The sentence with which a search is refused; None if it is answered."""
    try:
        answers(app)
    except IndexFailure as error:
        return str(error)
    return None


def vectors(app: SearchApp) -> Vectors:
    live = app.catalog.collections.live("docs")
    assert live is not None
    ids = list(chain.from_iterable(app.index.ids(live.physical_name)))
    held = app.index.vectors(live.physical_name, ids)
    return {id_: tuple(np.round(vector, 5)) for id_, vector in held.items()}


@pytest.fixture(scope="module")
def truth(filled_home: Path, kept: Path) -> tuple[list[tuple[str, float]], Vectors]:
    with opened(filled_home) as app:
        return answers(app), vectors(app)


HARMS = (cut, empty, Path.unlink)


def cases_of(data: Path) -> list[tuple[str, Callable[[Path], None]]]:
    """Every file of the data with every harm that changes it."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    names = [(path.relative_to(data).as_posix(), path.stat().st_size) for path in files]
    return [(name, harm) for name, size in names for harm in HARMS if size or harm is Path.unlink]


def harmed(kept: Path, target: Path, name: str, harm: Callable[[Path], None]) -> Path:
    """A copy of the engine's folder in which one file is harmed."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(kept, target)
    harm(target / "data" / name)
    return target / "data"


def test_a_collection_goes_if_a_file_of_its_rows_is_damaged(kept: Path, tmp_path: Path) -> None:
    for name, harm in cases_of(kept / "data"):
        data = harmed(kept, tmp_path / "engine", name, harm)
        is_gone = any(told.startswith("The collection ") for told in remove_damaged(data))
        is_needed = name.endswith((".parquet", "manifest.json", "schema.json"))
        assert (is_gone, (data / name).exists()) == (
            is_needed,
            not (is_needed or harm is Path.unlink or name.endswith((".idx", "aliases.json"))),
        ), (name, harm)
        assert list(remove_damaged(data)) == []


def test_a_file_that_is_not_ours_to_read_ends_the_start(kept: Path, tmp_path: Path) -> None:
    data = harmed(kept, tmp_path / "engine", "aliases.json", Path.unlink)
    (data / "aliases.json").mkdir()
    with pytest.raises(IsADirectoryError):
        list(remove_damaged(data))


def test_a_damaged_file_gives_no_wrong_answer_and_is_mended(
    filled_home: Path, kept: Path, truth: tuple[list[tuple[str, float]], Vectors], chance: Random, is_campaign: bool
) -> None:
    cases = cases_of(kept / "data")
    for name, harm in cases if is_campaign else chance.sample(cases, 4):
        harmed(kept, filled_home / "engine", name, harm)
        with opened(filled_home) as app:
            check_and_mend(app, truth, f"{harm.__name__} {name}")


def check_and_mend(app: SearchApp, truth: tuple[list[tuple[str, float]], Vectors], case: str) -> None:
    right, whole = truth
    told = refusal(app)
    assert told is None or told.endswith("Build it again from the catalogue with `twinsearch check --repair`."), case
    assert told is not None or answers(app) == right, case
    found = app.check().remaining
    assert found or (told is None and vectors(app) == whole), case
    assert app.check(is_repairing=True).remaining == (), case
    assert (answers(app), vectors(app)) == truth, case


def test_the_engine_tells_why_a_collection_is_gone(filled_home: Path, kept: Path) -> None:
    segment = next((kept / "data").rglob("data/*.parquet"))
    harmed(kept, filled_home / "engine", segment.relative_to(kept / "data").as_posix(), Path.unlink)
    with opened(filled_home) as app:
        app.engine.address()
        log = (filled_home / "engine" / "engine.log").read_text(encoding="utf-8")
        assert app.check(is_repairing=True).remaining == ()
    collection = segment.parents[3].name
    assert f"The collection {collection} is gone: " in log
    assert segment.name in log
