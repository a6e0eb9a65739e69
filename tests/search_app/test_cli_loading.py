"""What ingest, collections, status and check print."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.errors import CollectionInUse
from search_app.locks import writing

Twinsearch = Callable[..., tuple[int, str, str]]


def test_an_ingest_ends_with_one_summary_line(twinsearch: Twinsearch, notes: Path) -> None:
    code, out, err = twinsearch("ingest", notes)
    assert (code, err) == (0, "")
    line = r"docs: 4 new, 0 changed, 0 unchanged, 0 removed, 0 failed \(4 chunks, \d+\.\d s\)\n"
    assert re.fullmatch(line, out)


def test_what_the_encoder_can_not_read_is_counted(twinsearch: Twinsearch, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("cat " * 20)  # with its title, [CLS] and [SEP] 23 tokens; 16 are read
    _, out, err = twinsearch("ingest", tmp_path / "long.txt", "--whole")
    assert out.endswith(" s; 7 tokens are beyond what the encoder reads)\n")
    assert err == "not all seen: long.txt: 7 tokens\n"
    sentence = (
        "docs: 7 tokens that the encoder doesn't see; `twinsearch documents list -c docs --truncated` shows where"
    )
    assert sentence in twinsearch("status")[1].splitlines()
    assert "long.txt" in twinsearch("documents", "list", "--truncated")[1]


def test_ingest_prints_its_summary_as_json(twinsearch: Twinsearch, notes: Path) -> None:
    code, out, _ = twinsearch("ingest", notes, "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary.pop("seconds") > 0
    assert summary == {
        "new": 4,
        "changed": 0,
        "unchanged": 0,
        "removed": 0,
        "failed": [],
        "chunk_count": 4,
        "truncated_tokens": 0,
        "skipped_count": 0,
        "tables": [],
        "failed_count": 0,
        "skipped": [],
        "truncated": [],
    }


def test_prune_removes_what_has_vanished(twinsearch: Twinsearch, notes: Path) -> None:
    twinsearch("ingest", notes)
    (notes / "dog.txt").unlink()
    assert "0 removed" in twinsearch("ingest", notes)[1]
    assert "1 removed" in twinsearch("ingest", notes, "--prune")[1]


def test_collections_are_listed_with_their_live_generation(twinsearch: Twinsearch, notes: Path) -> None:
    assert twinsearch("collections", "list") == (0, "(none)\n", "")
    twinsearch("ingest", notes)
    _, out, _ = twinsearch("collections", "list")
    head, row = out.splitlines()
    assert head.split() == ["collection", "documents", "chunks", "generation", "encoder", "fingerprint"]
    assert row.split()[:-1] == ["docs", "4", "4", "1", "fluent"]


def test_a_collection_is_dropped_only_when_that_is_confirmed(
    twinsearch: Twinsearch, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twinsearch("ingest", notes)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, out, err = twinsearch("collections", "drop", "docs")
    assert (code, out) == (130, "")
    assert err == "Forget collection 'docs' with its documents and judgements for good? [y/N]: Interrupted.\n"
    assert twinsearch("collections", "drop", "docs", "--yes") == (0, "Collection 'docs' is gone.\n", "")
    assert twinsearch("collections", "list")[1] == "(none)\n"


def test_a_status_shows_home_engine_and_collections(twinsearch: Twinsearch, shared_home: Path, notes: Path) -> None:
    twinsearch("ingest", notes)
    code, out, _ = twinsearch("status")
    first, second, _, head, row, ingest = out.splitlines()
    assert (code, first) == (0, f"home {shared_home}")
    assert re.fullmatch(r"embedded Milvus: process \d+ since [-\d]+ [:\d]+, \d+\.\d MB of data", second)
    assert (head.split()[0], row.split()[0]) == ("collection", "docs")
    counts = "4 discovered, 0 unchanged, 4 read, 4 encoded, 4 written, 4 committed, 0 failed"
    assert re.fullmatch(rf"docs, last ingest \(ended [-\d]+ [:\d]+\): {counts}", ingest)


def test_status_as_json_lists_all_that_there_is(twinsearch: Twinsearch, shared_home: Path, notes: Path) -> None:
    twinsearch("ingest", notes)
    twinsearch("reindex", "docs", "--encoder", "literal")
    status = json.loads(twinsearch("status", "--json")[1])
    (docs,) = status["collections"]
    assert set(status) == {"home", "milvus_uri", "collections", "jobs", "engine"}
    assert (docs["name"], docs["document_count"], docs["chunk_count"]) == ("docs", 4, 4)
    assert (docs["live"]["number"], len(docs["live"]["fingerprint"])) == (1, 64)
    assert [(one["number"], one["state"], one["encoder_name"]) for one in docs["generations"]] == [
        (1, "live", "fluent"),
        (2, "ready", "literal"),
    ]
    assert [(view["job"]["kind"], view["job"]["state"]) for view in status["jobs"]] == [
        ("reindex", "done"),
        ("ingest", "done"),
    ]
    assert status["engine"]["running"] is True


def test_a_check_ends_with_6_if_something_is_wrong_and_repair_mends_it(
    twinsearch: Twinsearch, shared_home: Path, notes: Path
) -> None:
    twinsearch("ingest", notes)
    assert twinsearch("check") == (0, "Everything is as it should be.\n", "")
    lose_the_alias(shared_home)
    problem = r"docs, generation 1: the Milvus alias points to None instead of 'twin_docs_1_\w{8}'\n"
    code, out, err = twinsearch("check")
    assert (code, err) == (6, "1 things are not as they should be. `twinsearch check --repair` mends it.\n")
    assert re.fullmatch(f"damage: {problem}", out)
    code, out, err = twinsearch("check", "--repair")
    assert (code, err) == (0, "")
    assert re.fullmatch(f"mended: {problem}", out)


def lose_the_alias(home: Path) -> None:
    with SearchApp.open(home) as app:
        app.index.drop_alias(app.generations.alias("docs"))


def test_rows_come_in_on_standard_input(twinsearch: Twinsearch, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = b'{"_id": "a", "text": "cat"}\n{"_id": "b", "text": "dog"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rows)))
    code, out, err = twinsearch("ingest", "-")
    assert (code, err) == (0, "docs.jsonl: text=text id=_id metadata=-\n")
    assert out.startswith("docs: 2 new, ")


def test_rows_on_standard_input_never_take_the_place_of_others_that_are_being_taken_in(
    twinsearch: Twinsearch, shared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = b'{"text": "cat"}\n', b'{"text": "dog"}\n'
    with SearchApp.open(shared_home) as app:
        with app.take_in(io.BytesIO(first), "docs") as kept:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(second)))
            code, _, sentence = twinsearch("ingest", "-")
            assert (code, kept.read_bytes()) == (4, first)
            assert sentence.startswith("Collection 'docs' is being filled from standard input by process ")
        with (
            writing(app.home.locks_folder, "docs"),
            pytest.raises(CollectionInUse, match="is being written to"),
            app.take_in(io.BytesIO(second), "docs"),
        ):
            pass
        assert [one.name for one in kept.parent.iterdir() if one.read_bytes() == second] == []
        assert kept.read_bytes() == first


def test_an_empty_path_is_not_the_folder_at_hand(twinsearch: Twinsearch) -> None:
    told = "A path is empty. Name a file or a folder; `.` is the folder at hand.\n"
    assert twinsearch("ingest", "") == twinsearch("ingest", "@") == (2, "", told)
    assert twinsearch("ingest", "~nobody-of-this-name")[0] == 2
    nowhere = "There is no file or folder '/@'. Check the path.\n"
    assert twinsearch("ingest", "@/") == twinsearch("ingest", "/@") == (1, "", nowhere)


def test_columns_of_a_table_are_named_where_their_names_say_nothing(twinsearch: Twinsearch, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("k,v,w\n1,cat,red\n")
    code, _, err = twinsearch("ingest", tmp_path / "odd.csv")
    told = "odd.csv: one document, a line a row; with --text-column NAME --prune, each row is one\n"
    assert (code, err) == (0, told)
    columns = ("--id-column", "k", "--text-column", "v", "--metadata-columns", "w", "--prune")
    code, out, err = twinsearch("ingest", tmp_path / "odd.csv", *columns)
    assert (code, err) == (0, "odd.csv: text=v id=k metadata=w\n")
    assert out.startswith("docs: 1 new, 0 changed, 0 unchanged, 1 removed, ")


def test_a_list_of_paths_is_read_from_a_file(twinsearch: Twinsearch, notes: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{notes / 'cat.txt'}\n{notes / 'dog.txt'}\n")
    assert twinsearch("ingest", f"@{tmp_path / 'list'}")[1].startswith("docs: 2 new, ")
