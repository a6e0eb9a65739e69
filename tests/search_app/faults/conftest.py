"""A home that is filled in several batches and changed once, to be harmed; seeds that are printed."""

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.requests import IngestRequest

IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
VOCABULARY = ("cat", "dog", "car", "bread", "rain", "copy", "file", "night", "sea", "house", "road", "child", "fire")


@pytest.fixture(scope="session")
def is_campaign() -> bool:
    """Whether the long campaign is asked for (TWINSEARCH_CAMPAIGN=1)."""
    return IS_CAMPAIGN


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance that can be repeated: TWINSEARCH_SEED, which a failing test prints."""
    seed = os.environ.get("TWINSEARCH_SEED", str(random.randrange(2**32)))
    print(f"TWINSEARCH_SEED={seed}")
    return random.Random(f"{seed}{request.node.name}")


@pytest.fixture(scope="session")
def write_rows() -> Callable[[Path, int, int], Path]:
    """Writes a JSONL file of so many short documents; the seed decides the words."""

    def write(path: Path, count: int, seed: int) -> Path:
        words = random.Random(seed)
        rows = [{"_id": f"d{n}", "title": "", "text": " ".join(words.choices(VOCABULARY, k=8))} for n in range(count)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def filled_home(
    new_home: Callable[[], AbstractContextManager[Path]],
    write_rows: Callable[[Path, int, int], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A home with 100 documents, all of which were changed and 20 others removed; its engine is closed."""
    rows = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    with new_home() as folder:
        with SearchApp.open(folder, flush_chunks=40) as app:
            for count, seed in ((120, 1), (100, 2)):
                app.ingest(IngestRequest((str(write_rows(rows, count, seed)),), prune=True))
            app.engine.stop()
        yield folder
