"""The benchmark of lost indexes and of builds runs whole on a few passages, on an engine of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.rebuild import Bench, report
from search_app.app import SearchApp


@pytest.fixture
def bench(data: Path, tiny: Path) -> Iterator[Bench]:
    work = Path(tempfile.mkdtemp(prefix="tw-"))  # short enough for the engine's socket
    try:
        with SearchApp.open(work / "home", encoder=str(tiny), precision="fp32") as app:
            yield Bench(app, data, work, passage_count=50, query_count=4, precision="bf16")
            app.engine.stop()
    finally:
        shutil.rmtree(work)


@pytest.mark.slow
def test_a_lost_index_is_restored_and_searches_beside_a_build_are_timed(bench: Bench) -> None:
    told = report(bench)
    rows = {line.split(" | ")[0]: line.split(" | ") for line in told.splitlines() if line.startswith("| ")}
    assert list(rows) == [
        "| 50 passages of 40 words",
        "| encoding in fp32",
        "| check --repair",
        "| one user, hybrid",
        "| at rest",
        "| during the build",
    ]
    assert rows["| at rest"][1] == "4"
    assert rows["| during the build"][-1] == "0 |"
    states = [one.state.value for one in bench.app.generations.list("docs")]
    assert states == ["live", "dropped"]
    assert bench.app.check().remaining == ()
