"""Judged queries and rankings come out of files as they were written, and what has another layout is told."""

from pathlib import Path

import pytest

from search_app.errors import UsageError
from search_app.evaluation import read_qrels
from search_app.evaluation.judged import beir_files, read_run, write_run


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "test.tsv"
    queries.write_text('{"_id": "1", "text": "007"}\n{"_id": "2", "text": "copy a \\"file\\"", "metadata": {}}\n')
    qrels.write_text('query-id\tcorpus-id\tscore\n1\t31715818\t1\n2\t"d\t2\n2\tnan\t0\n')
    return queries, qrels


def test_judged_queries_are_read_as_they_are_written(files: tuple[Path, Path]) -> None:
    assert read_qrels(*files) == {"007": {"31715818": 1}, 'copy a "file"': {'"d': 2, "nan": 0}}


def test_a_judged_query_without_text_is_named(files: tuple[Path, Path]) -> None:
    queries, qrels = files
    qrels.write_text("query-id\tcorpus-id\tscore\n3\td\t1\n")
    with pytest.raises(UsageError) as refused:
        read_qrels(queries, qrels)
    assert str(refused.value) == f"'{qrels}' judges the query '3', which '{queries}' doesn't have."


def test_a_missing_file_is_named(files: tuple[Path, Path]) -> None:
    queries, qrels = files
    queries.unlink()
    with pytest.raises(UsageError) as refused:
        read_qrels(queries, qrels)
    assert str(refused.value) == f"There is no file '{queries}'."


QUERIES = 'one object a line, such as {"_id": "q1", "text": "how to copy a file"}'
GRADES = "tab-separated columns query-id, corpus-id, score, with a header"


@pytest.mark.parametrize("text", ['{"_id": "1"}\n', "not JSON\n", "", "[1, 2]\n", '{"_id": "1", "text": "\xff"}'])
def test_queries_of_another_layout_are_refused(files: tuple[Path, Path], text: str) -> None:
    files[0].write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as refused:
        read_qrels(*files)
    assert str(refused.value).startswith(f"'{files[0]}' can't be read as {QUERIES}: ")


@pytest.mark.parametrize(
    "text", ["", "1\t0\td\t1\n", "query-id\tcorpus-id\tscore\n1\td\tgood\n", "query-id\tcorpus-id\tscore\n1\td\t\n"]
)
def test_grades_of_another_layout_are_refused(files: tuple[Path, Path], text: str) -> None:
    files[1].write_text(text)
    with pytest.raises(UsageError) as refused:
        read_qrels(*files)
    assert str(refused.value).startswith(f"'{files[1]}' can't be read as {GRADES}: ")


TEXTS = {"1": "007", "2": "a file"}


def test_a_run_file_is_read_by_falling_score_as_trec_eval_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "bm25.trec"
    path.write_text("1 Q0 b 1 2.5 bm25\n1\tQ0 c 2 2.5 bm25\n\n1 Q0 a 3 7 bm25\n9 Q0 a 1 1 bm25\n")
    assert read_run(path, TEXTS) == {"007": ["a", "c", "b"]}


def test_a_run_that_is_written_is_read_back_in_its_order(tmp_path: Path) -> None:
    rankings = {"007": ["c", "a", "b"], "a file": ["my docs/yearly  report 7.pdf"]}
    write_run(tmp_path / "out.trec", rankings, TEXTS, "1:dense mode")
    assert (tmp_path / "out.trec").read_text().startswith("1 Q0 c 1 1.000000 1:dense_mode\n1 Q0 a 2 0.500000 ")
    assert read_run(tmp_path / "out.trec", TEXTS) == rankings


@pytest.mark.parametrize("text", ["1 Q0 a 1 2.5\n", "1 Q0 a 1 high name\n", "\xff\n"])
def test_a_run_of_another_layout_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.trec"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match="can't be read as lines of query-id, Q0, document-id, rank, score, name: "):
        read_run(path, TEXTS)


def test_a_run_of_other_queries_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.trec"
    path.write_text("7 Q0 a 1 2.5 bm25\n")
    with pytest.raises(UsageError) as refused:
        read_run(path, TEXTS)
    assert str(refused.value) == (
        f"'{path}' answers none of the 2 judged queries. Its first column must have their ids."
    )


def test_a_split_that_there_is_not_is_told_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    for name in ("test", "dev"):
        (tmp_path / "qrels" / f"{name}.tsv").write_text("")
    assert beir_files(tmp_path, "dev") == (tmp_path / "queries.jsonl", tmp_path / "qrels" / "dev.tsv")
    with pytest.raises(UsageError) as refused:
        beir_files(tmp_path, "train")
    assert str(refused.value) == f"'{tmp_path}' has no split 'train'; it has dev, test. Choose one with --split."


def test_a_split_leads_to_no_file_beside_the_folder_of_qrels(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "secret.tsv").write_text("query-id\tcorpus-id\tscore\n")
    for split in ("../secret", str(tmp_path / "secret"), "s\0"):
        with pytest.raises(UsageError, match="has no split"):
            beir_files(tmp_path, split)
