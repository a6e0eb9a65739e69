from pathlib import Path

import pytest

from benchmarks.figures import percentile
from benchmarks.query import OURS, PARTS, Bench, measure, report
from benchmarks.users import ask_all
from search_app.app import SearchApp
from search_app.engine import Engine


@pytest.fixture
def bench(data: Path, tmp_path: Path) -> Bench:
    return Bench(data, tmp_path / "work", [50], [1, 3], query_count=6, peers=None)


@pytest.fixture
def app(tmp_path: Path, tiny: Path, engine: Engine):
    engine.address()
    home = tmp_path / "home"
    home.mkdir()
    (home / "engine").symlink_to(engine.folder, target_is_directory=True)
    with SearchApp.open(home, encoder=str(tiny), precision="fp32") as opened:
        yield opened
        for collection in opened.catalog.collections.list():
            opened.drop_collection(collection.name)


def test_query_latency_is_measured_for_each_mode_and_number_of_users(app: SearchApp, bench: Bench) -> None:
    told = report(app, bench)
    rows = [line.split(" | ")[:3] for line in told.splitlines() if line.startswith("| 50 ")]
    sides = [["| 50", f"Twinsearch, {mode}", users] for users in "13" for mode in ("dense", "lexical", "hybrid")]
    assert rows == sides * 2  # one table of all sides, one of our parts
    assert "Peers weren't measured: name their interpreter with --peers." in told


def test_the_parts_of_a_query_are_no_more_than_the_whole(app: SearchApp, bench: Bench) -> None:
    for one in measure(app, bench, 50):
        sums = [sum(parts) for parts in zip(*(one.parts[name] for name in PARTS), strict=True)]
        assert all(0 < parts < total for parts, total in zip(sums, one.total, strict=True))
        assert set(OURS) < set(PARTS)


def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, share) for share in (0.2, 0.5, 0.8, 0.99)] == [1.0, 3.0, 4.0, 5.0]


def test_users_get_their_answers_in_the_order_of_the_queries() -> None:
    answers = ask_all(str.upper, ["a", "b", "c", "d"], 3)
    assert [answer for _, answer in answers] == ["A", "B", "C", "D"]
    assert all(milliseconds >= 0 for milliseconds, _ in answers)
