import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "python_docs"
Qrels = dict[str, dict[str, int]]  # query id -> document id -> score


def run_collector(out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "collect.py"), str(out)]
    return subprocess.run(command, env=os.environ | environment, cwd=out.parent.parent, capture_output=True, text=True)


def read_lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def read_qrels(split: str) -> Qrels:
    header, *rows = (FOLDER / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "query-id\tcorpus-id\tscore"
    qrels: Qrels = {}
    for query_id, document_id, score in (row.split("\t") for row in rows):
        qrels.setdefault(query_id, {})[document_id] = int(score)
    return qrels


def objects(qrels: Qrels) -> set[str]:
    return {document_id for answers in qrels.values() for document_id in answers}


@pytest.fixture(scope="module")
def collection_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("python_docs") / "collection.jsonl"
    result = run_collector(out, PYTHONHASHSEED="1")
    assert result.returncode == 0, result.stderr
    return out


@pytest.fixture(scope="module")
def documents(collection_file: Path) -> dict[str, dict[str, str]]:
    return {line["_id"]: line for line in read_lines(collection_file)}


@pytest.fixture(scope="module")
def queries() -> dict[str, str]:
    return {line["_id"]: line["text"] for line in read_lines(FOLDER / "queries.jsonl")}


def test_two_runs_write_the_same_bytes_whatever_the_hash_seed_and_the_environment(
    collection_file: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.jsonl"
    run_collector(again, PYTHONHASHSEED="2", A_SECRET="hunter2")
    assert again.read_bytes() == collection_file.read_bytes()


def test_the_collection_has_thousands_of_documents_sorted_by_unique_ids(collection_file: Path) -> None:
    ids = [line["_id"] for line in read_lines(collection_file)]
    assert len(ids) > 3_000
    assert ids == sorted(set(ids))


def test_every_document_has_all_columns_filled(documents: dict[str, dict[str, str]]) -> None:
    for document in documents.values():
        assert list(document) == ["_id", "title", "text", "module", "kind"]
        assert all(value.strip() for value in document.values()), document
        assert document["text"].startswith(document["title"])


def test_kinds_are_function_class_and_method(documents: dict[str, dict[str, str]]) -> None:
    examples = {"shutil.copy2": "function", "threading.Thread": "class", "builtins.str.split": "method"}
    assert {id_: documents[id_]["kind"] for id_ in examples} == examples
    assert {document["kind"] for document in documents.values()} == set(examples.values())


def test_a_document_is_the_signature_and_the_docstring(documents: dict[str, dict[str, str]]) -> None:
    assert documents["pathlib.Path.read_text"]["text"].startswith("pathlib.Path.read_text(encoding=None, errors=None")
    assert documents["os.path.getsize"] == {
        "_id": "os.path.getsize",
        "title": "os.path.getsize",
        "text": "os.path.getsize(filename)\n\nReturn the size of a file, reported by os.stat().",
        "module": "os.path",
        "kind": "function",
    }


@pytest.mark.parametrize(
    ("home", "elsewhere"),
    [
        ("asyncio.gather", "asyncio.tasks.gather"),
        ("builtins.open", "io.open"),
        ("random.choice", "random.Random.choice"),
        ("socket.socket.settimeout", "socket.SocketType.settimeout"),
        ("builtins.OSError", "socket.error"),
        ("mailbox.Mailbox.lock", "mailbox.MH.lock"),
    ],
)
def test_an_object_stands_under_its_public_home_only(
    documents: dict[str, dict[str, str]], home: str, elsewhere: str
) -> None:
    assert home in documents
    assert elsewhere not in documents


def test_nothing_of_this_machine_is_in_the_texts(collection_file: Path) -> None:
    text = collection_file.read_text(encoding="utf-8")
    assert sys.base_prefix not in text
    assert " at 0x7" not in text


def test_a_folder_that_is_missing_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "missing" / "out.jsonl"
    result = subprocess.run(
        [sys.executable, str(FOLDER / "collect.py"), str(out)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"Can't write {out}: No such file or directory. Name a file in a folder that exists and is writable."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_judged_object_exists_in_the_running_interpreter(
    documents: dict[str, dict[str, str]], split: str
) -> None:
    assert objects(read_qrels(split)) - documents.keys() == set()


def test_no_object_and_no_query_is_judged_in_both_splits() -> None:
    train, test = read_qrels("train"), read_qrels("test")
    assert objects(train) & objects(test) == set()
    assert train.keys() & test.keys() == set()


def test_every_query_is_judged_and_every_judgement_has_its_query(queries: dict[str, str]) -> None:
    assert read_qrels("train").keys() | read_qrels("test").keys() == queries.keys()


def test_there_are_enough_different_questions(queries: dict[str, str]) -> None:
    ids = [line["_id"] for line in read_lines(FOLDER / "queries.jsonl")]
    assert len(ids) == len(set(ids)) >= 160
    assert len({text.casefold() for text in queries.values()}) == len(ids)
    assert len(read_qrels("test")) >= 85


def test_every_score_is_one() -> None:
    assert {score for split in ("train", "test") for row in read_qrels(split).values() for score in row.values()} == {1}


def test_no_question_names_the_object_it_asks_for(queries: dict[str, str]) -> None:
    named = [
        (queries[query_id], document_id)
        for split in ("train", "test")
        for query_id, answers in read_qrels(split).items()
        for document_id in answers
        if document_id.rpartition(".")[2].casefold() in re.findall(r"\w+", queries[query_id].casefold())
    ]
    assert named == []
