"""Documents with more metadata than a Milvus server takes beside a vector go in whole, and filters stay exact."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.requests import IngestRequest
from search_app.retrieval import Mode

COLUMNS = 100  # of 1,000 bytes each: half as much again as a server takes


@pytest.fixture(params=["embedded", "server"])
def app(request: pytest.FixtureRequest, new_home: Callable[[], AbstractContextManager[Path]]) -> Iterator[SearchApp]:
    """A home of the test's own, on either Milvus."""
    place = f'milvus_uri = "{request.getfixturevalue("server_uri")}"\n' if request.param == "server" else ""
    with new_home() as folder:
        (folder / "config.toml").write_text(f"{place}{(folder / 'config.toml').read_text()}")
        with SearchApp.open(folder) as opened:
            yield opened
            opened.drop_collection("docs")


@pytest.mark.parametrize("mode", Mode)
def test_a_document_of_many_long_columns_is_found_by_each_of_them(app: SearchApp, tmp_path: Path, mode: Mode) -> None:
    wide = {"text": "cat dog", "lang": "de", **{f"column{n}": f"{n}{'x' * 1_000}" for n in range(COLUMNS)}}
    rows = [
        wide,
        {"text": "cat", "lang": "de", "column7": "seven"},
        {"text": "cat sea", "lang": "en", "column7": "eight"},
    ]
    table = tmp_path / "rows.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert app.ingest(IngestRequest((str(table),))).new == 3

    def found(where: str) -> set[str]:
        return {hit.document_id[-1] for hit in app.search("cat", mode=mode, where=[where]).hits}

    assert [found(f"column{n}={n}{'x' * 1_000}") for n in (0, 7, COLUMNS - 1)] == [{"1"}] * 3
    assert [found("column7=seven"), found("not column7=seven"), found("lang=de"), found("exists column7")] == [
        {"2"},
        {"1", "3"},
        {"1", "2"},
        {"1", "2", "3"},
    ]
