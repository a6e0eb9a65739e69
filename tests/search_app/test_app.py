"""One method a verb: load, search, judge, learn; on one home from several places at once."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import event

from ingest.errors import SourceNotFound
from ingest.summary import IngestSummary
from search_app.app import SearchApp
from search_app.app.searching import all_of
from search_app.engine import Engine
from search_app.errors import FilterError, MilvusUnreachable, UnknownCollection, UnknownEncoder, UsageError
from search_app.filters import And, Compare
from search_app.requests import IngestRequest, ReindexRequest


def counts(summary: IngestSummary) -> tuple[int, int, int, int, int]:
    return summary.new, summary.changed, summary.unchanged, summary.removed, len(summary.failed)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that is executed meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(SqlEngine, "before_cursor_execute", note)
    yield asked
    event.remove(SqlEngine, "before_cursor_execute", note)


def test_an_ingest_costs_only_what_is_new_or_changed(app: SearchApp, notes: Path) -> None:
    request = IngestRequest((str(notes),), prune=True)
    assert counts(app.ingest(request)) == (4, 0, 0, 0, 0)
    assert counts(app.ingest(request)) == (0, 0, 4, 0, 0)
    (notes / "cat.txt").write_text("king")
    (notes / "dog.txt").unlink()
    (notes / "sea.txt").write_text("sea")
    assert counts(app.ingest(request)) == (1, 1, 2, 1, 0)
    assert [hit.document_id for hit in app.search("monarch", k=1).hits] == ["notes/cat.txt"]
    assert "notes/dog.txt" not in {hit.document_id for hit in app.search("dog").hits}


def test_unchanged_files_are_neither_opened_nor_asked_for_one_by_one(
    app: SearchApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(path: Path, *how: Any, **more: Any) -> Any:
        assert path.suffix != ".jsonl"
        return opens(path, *how, **more)

    opens = Path.open
    files = [tmp_path / f"{number}.jsonl" for number in range(600)]
    for path in files:
        path.write_text('{"text": "sea"}')
        os.utime(path, (1, 1))  # one that changed just now is read again
    request = IngestRequest((str(tmp_path),))
    assert counts(app.ingest(request)) == (600, 0, 0, 0, 0)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")  # no parser can be started
    monkeypatch.setattr(Path, "open", opened)
    with statements() as asked:
        assert counts(app.ingest(request)) == (0, 0, 600, 0, 0)
    assert len(asked) < 50


def test_a_file_that_fails_costs_only_itself(app: SearchApp, notes: Path) -> None:
    (notes / "broken.txt").write_bytes(b"cat\0dog")
    summary = app.ingest(IngestRequest((str(notes),)))
    assert counts(summary) == (4, 0, 0, 0, 1)
    assert summary.failed[0].source == "notes/broken.txt"


def test_a_missing_path_makes_no_collection(app: SearchApp, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound) as refused:
        app.ingest(IngestRequest((str(tmp_path / "gone"),)))
    assert str(refused.value) == f"There is no file or folder '{tmp_path}/gone'. Check the path."
    assert app.status().collections == ()


def test_an_unknown_encoder_makes_no_collection(app: SearchApp, notes: Path) -> None:
    with pytest.raises(UnknownEncoder):
        app.ingest(IngestRequest((str(notes),), encoder="eloquent"))
    assert app.status().collections == ()


@pytest.mark.parametrize("name", ["", "../docs", "a/b", ".hidden", "x" * 65, "a\nb"])
def test_a_name_that_can_not_be_a_collections_is_refused(app: SearchApp, notes: Path, name: str) -> None:
    with pytest.raises(UsageError) as refused:
        app.ingest(IngestRequest((str(notes),), name))
    assert str(refused.value) == (
        f"{name!r} can't name a collection. Use 1 to 64 letters, digits, spaces, dots, dashes and underscores, "
        "beginning with a letter or a digit."
    )
    assert app.status().collections == ()


def test_a_filled_collection_keeps_its_encoder_and_its_chunks(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    app.ingest(IngestRequest((str(notes),), encoder="fluent"))
    with pytest.raises(UsageError) as refused:
        app.ingest(IngestRequest((str(notes),), encoder="literal"))
    assert str(refused.value) == (
        "Collection 'docs' is filled by encoder 'fluent'. To change it, run `twinsearch reindex docs --encoder "
        "literal`."
    )
    with pytest.raises(UsageError) as refused:
        app.ingest(IngestRequest((str(notes),), whole=True))
    assert str(refused.value) == (
        "Collection 'docs' cuts its documents into chunks. To keep documents whole, ingest them into a new collection."
    )


def test_chunks_are_as_long_as_the_settings_say_and_the_encoder_reads(
    app: SearchApp, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINSEARCH_CHUNK_TOKENS", "512")
    monkeypatch.setenv("TWINSEARCH_CHUNK_OVERLAP", "2")
    with SearchApp.open(app.home.path) as other:
        other.ingest(IngestRequest((str(notes),)))
        live = other.catalog.collections.live("docs")
    assert live is not None
    assert (live.chunking.max_tokens, live.chunking.overlap_tokens) == (16, 2)


def test_two_openings_of_one_home_see_each_others_work_at_once(app: SearchApp, notes: Path) -> None:
    with SearchApp.open(app.home.path) as other:
        app.ingest(IngestRequest((str(notes),)))
        assert other.search("kitten").hits == app.search("kitten").hits
        other.reindex(ReindexRequest("docs", "literal", switch=True, force=True))
        assert app.search("kitten").generation == 2
        (notes / "king.txt").write_text("king")
        app.ingest(IngestRequest((str(notes),)))
        assert other.search("king", k=1).hits[0].document_id == "notes/king.txt"


def test_collections_do_not_mix(app: SearchApp, notes: Path, tmp_path: Path) -> None:
    (tmp_path / "faq.txt").write_text("cat")
    app.ingest(IngestRequest((str(notes),)))
    app.ingest(IngestRequest((str(tmp_path / "faq.txt"),), "faq", encoder="literal"))
    assert [hit.document_id for hit in app.search("cat", "faq").hits] == ["faq.txt"]
    app.drop_collection("faq")
    assert [one.name for one in app.status().collections] == ["docs"]
    assert len(app.search("cat").hits) == 4


def test_an_unknown_collection_is_not_dropped_and_leaves_no_trace(app: SearchApp) -> None:
    with pytest.raises(UnknownCollection):
        app.drop_collection("../docs")
    assert sorted(path.name for path in app.home.path.parent.iterdir()) == ["home"]


def test_a_status_needs_no_engine(home: Path) -> None:
    with SearchApp.open(home) as app:
        status = app.status()
        assert (status.home, status.milvus_uri, status.collections, status.jobs) == (str(home), "", (), ())
        assert status.engine is not None
        assert not status.engine.running


def test_a_status_counts_documents_chunks_and_judgements(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    app.judge("kitten", "notes/cat.txt", 3)
    (found,) = app.status().collections
    assert (found.name, found.document_count, found.chunk_count) == ("docs", 4, 4)
    assert found.judgements.grade_counts == {0: 0, 1: 0, 2: 0, 3: 1}
    assert found.live == app.generations.get("docs", 1)
    assert found.generations == (found.live,)


def test_with_milvus_down_everything_is_still_there_when_it_is_back(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    before = app.search("kitten").hits
    (notes / "king.txt").write_text("king")
    with SearchApp.open(app.home.path, milvus_uri="http://127.0.0.1:9") as down:
        with pytest.raises(MilvusUnreachable):
            down.search("kitten")
        with pytest.raises(MilvusUnreachable):
            down.ingest(IngestRequest((str(notes),)))
        assert down.status().engine is None
    assert app.search("kitten").hits == before
    assert counts(app.ingest(IngestRequest((str(notes),)))) == (1, 0, 4, 0, 0)


def test_a_killed_engine_is_started_again_and_has_lost_nothing(home: Path, notes: Path) -> None:
    with SearchApp.open(home) as app:
        app.ingest(IngestRequest((str(notes),)))
        before = app.search("kitten").hits
        kill(app.engine)
        assert app.search("kitten").hits == before
        kill(app.engine)
        (notes / "king.txt").write_text("king")
        assert counts(app.ingest(IngestRequest((str(notes),)))) == (1, 0, 4, 0, 0)
        assert app.check().remaining == ()


def kill(engine: Engine) -> None:
    import psutil

    process = psutil.Process(engine.status().pid)
    process.kill()
    process.wait()


def test_what_was_closed_opens_again_when_it_is_needed(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    app.close()
    assert [one.name for one in app.status().collections] == ["docs"]
    assert app.search("kitten", k=1).hits[0].document_id == "notes/cat.txt"


def test_all_filters_must_hold() -> None:
    assert all_of([]) is None
    assert all_of(["lang=en", "size>3"]) == And((Compare("lang", "==", "en"), Compare("size", ">", 3)))
    with pytest.raises(FilterError):
        all_of(["lang"])


def test_judged_queries_come_as_two_files(app: SearchApp) -> None:
    assert app.judged(None, None) is None
    with pytest.raises(UsageError) as refused:
        app.judged("queries.jsonl", None)
    assert str(refused.value) == ("Judged queries come as two files: give both --queries and --qrels, or neither.")


def test_who_has_a_number_and_no_login_name_judges_under_the_number(
    shared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shared_home / "config.toml").unlink()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "TWINSEARCH_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_123_456)
    with SearchApp.open(shared_home) as app:
        assert app.user == "4123456"
