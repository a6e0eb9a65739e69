from pathlib import Path

import pytest

from search_app import query_log
from search_app.app import SearchApp
from search_app.query_log import QueryLog


def test_queries_come_once_the_most_asked_first_and_then_the_newest(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "queries")
    for query in ("refunds", "opening hours", "tickets", "Opening  Hours", "\ud800\n", "tickets"):
        log.note("faq", query)
    assert log.queries("faq") == ["tickets", "Opening  Hours", "\ud800\n", "refunds"]
    assert log.queries("docs") == []
    log.forget("faq")
    assert log.queries("faq") == []


def test_the_newest_half_is_kept_of_a_log_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_log, "_BYTES_MOST", 50)
    log = QueryLog(tmp_path)
    for number in range(9):
        log.note("docs", f"query {number}")
    assert log.queries("docs") == ["query 8", "query 7", "query 6"]


def test_a_log_that_is_torn_or_can_not_be_written_keeps_nobody_from_searching(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('"one"\n7\n"tw')
    assert QueryLog(tmp_path).queries("docs") == ["one"]
    (tmp_path / "file").write_text("")
    QueryLog(tmp_path / "file").note("docs", "two")


def test_nothing_is_noted_where_the_settings_say_so(tmp_path: Path) -> None:
    with SearchApp.open(tmp_path / "home", note_queries=False) as app:
        app.catalog.collections.create("docs")
        app.note_query("refunds")
        assert app.asked_queries() == []
