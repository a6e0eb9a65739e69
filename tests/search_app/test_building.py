"""A generation is filled in steps of so many chunks, however many documents these come from."""

from pathlib import Path

import pytest

from ingest.progress import Progress
from search_app.app import SearchApp
from search_app.catalog.generations import Generation
from search_app.cutting import Cut, next_cut
from search_app.requests import IngestRequest


@pytest.fixture
def filled(app: SearchApp, tmp_path: Path) -> SearchApp:
    """Documents of 1, 6, 1 and 1 chunks."""
    for name, text in {"a": "cat", "b": "dog " * 78, "c": "rain", "d": "sea"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    app.ingest(IngestRequest(tuple(str(tmp_path / f"{name}.txt") for name in "abcd")))
    return app


def begun(app: SearchApp) -> Generation:
    live, choice = app.catalog.collections.live("docs"), app.encoders.choose("literal")
    assert live is not None
    return app.generations.begin("docs", choice, next_cut(live.chunking, Cut(), choice))


def committed_at_each_report(app: SearchApp, generation: Generation) -> list[tuple[int, int | None, int]]:
    heard = []

    def listen(progress: Progress) -> None:
        heard.append((progress.done, progress.total, app.catalog.documents.chunk_count(generation.id)))

    app.generations.build(generation, app.encoders.filling(generation, "docs"), report=listen)
    return heard


def test_a_step_holds_no_more_chunks_than_it_may_but_a_whole_document(
    filled: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled.generations, "_step_chunks", 2)
    generation = begun(filled)
    assert committed_at_each_report(filled, generation) == [
        *[(0, 4, 0), (1, 4, 1)],
        *[(1, 4, 1), (2, 4, 7)],
        *[(2, 4, 7), (4, 4, 9)],
    ]
    assert filled.generations.difference(generation) == (set(), set())


def test_a_long_document_is_encoded_in_parts_that_are_told(filled: SearchApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_app.writing._ENCODED_TOGETHER", 3)
    generation = begun(filled)
    told = committed_at_each_report(filled, generation)
    assert [done for done, _, _ in told] == [0, 1, 1, 4]
    assert filled.generations.difference(generation) == (set(), set())


def test_all_is_built_where_little_text_is_read_at_a_time(filled: SearchApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_app.building._CHARACTERS_PER_READ", 1)
    generation = begun(filled)
    assert [done for done, _, _ in committed_at_each_report(filled, generation)] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert filled.generations.difference(generation) == (set(), set())
