"""Judgements go out and come in as BEIR, as TREC and as CSV; what people contradict each other on is listed."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.judgements import Judgement, NewJudgement, Split
from search_app.cli.judging import agreement_text
from search_app.errors import QueryError, UsageError
from search_app.judgement_files import FORMS, read_judgements, write_judgements

CAT = Judgement(
    id=1,
    collection_id=1,
    query="kitten, small",
    document_id="notes/cat.txt",
    chunk_id="c1",
    chunk_text_hash="f" * 64,
    grade=3,
    user="ann",
    generation_number=2,
    mode="hybrid",
    rank=1,
    shown=("notes/cat.txt", 'a "b", c'),
    split=Split.TRAIN,
    created_at=1_700_000_000.0,
)
DOG = replace(CAT, id=2, query="hound\nof night", document_id="dog", split=Split.HELDOUT, grade=0, rank=None, shown=())
SAID = (CAT, replace(CAT, id=3, user="bob", grade=1), DOG)


def read_back(form: str, folder: Path) -> dict[Split, list[NewJudgement]]:
    """What the written files hold, by split."""
    written = {path.name: path for path in write_judgements(form, SAID, folder)}
    if form == "csv":
        found = read_judgements(form, written["judgements.csv"], None)
        return {split: [one for one in found if one.split is split] for split in Split}
    queries = next(path for name, path in written.items() if name.startswith("queries"))
    return {split: read_judgements(form, path, queries) for split in Split for path in [judged_of(written, split)]}


def judged_of(written: dict[str, Path], split: Split) -> Path:
    return next(path for name, path in written.items() if name.startswith(split.value))


@pytest.mark.parametrize("form", ["beir", "trec"])
def test_grades_come_back_from_the_files_of_test_collections(form: str, tmp_path: Path) -> None:
    found = read_back(form, tmp_path)
    query = DOG.query if form == "beir" else "hound of night"  # a line of TREC has one line
    assert found == {
        Split.TRAIN: [NewJudgement("kitten, small", "notes/cat.txt", grade=1)],
        Split.HELDOUT: [NewJudgement(query, "dog", grade=0)],
    }


def test_all_that_is_known_comes_back_from_a_csv_file(tmp_path: Path) -> None:
    found = read_back("csv", tmp_path)
    fields = ("query", "document_id", "grade", "chunk_id", "chunk_text_hash", "user", "generation_number", "mode")
    fields += ("rank", "shown", "split")
    kept = [NewJudgement(**{name: getattr(one, name) for name in fields}) for one in SAID]
    assert [*found[Split.TRAIN], *found[Split.HELDOUT]] == kept


def test_a_file_of_trec_is_as_other_tools_write_it(tmp_path: Path) -> None:
    written = write_judgements("trec", SAID, tmp_path)
    assert {path.name: path.read_text() for path in written} == {
        "queries.tsv": "q1\tkitten, small\nq2\thound of night\n",
        "train.qrels": "q1 0 notes/cat.txt 1\n",
        "heldout.qrels": "q2 0 dog 0\n",
    }


@pytest.mark.parametrize(
    ("form", "judged", "queries", "told"),
    [
        ("trec", "q1 0 a\n", "q1\tx\n", "has the line 'q1 0 a'; expected query 0 document grade."),
        ("trec", "q1 0 a yes\n", "q1\tx\n", "has 'yes' where a whole number is expected."),
        ("trec", "q9 0 a 1\n", "q1\tx\n", "judges the query 'q9', which "),
        ("trec", "q1 0 a 1\n", None, "Judgements in the form trec name queries by number: give their texts"),
        ("csv", "query,grade\nx,1\n", None, "has no column 'document'; expected a header with query, document, grade"),
        ("csv", "query,document,grade,split\nx,a,1,dev\n", None, "has the split 'dev'; expected train or heldout."),
        ("csv", "query,document,grade,shown\nx,a,1,a b\n", None, "has 'a b' where a JSON list of document ids is"),
        ("csv", "query,document,grade\nx,a,\n", None, "has '' where a whole number is expected."),
        ("csv", "query,document,grade,rank\nx,a,1,3000000000\n", None, "has '3000000000' where a whole number is"),
        ("csv", f'query,document,grade\nx,a,1\n"{"x" * 200_000}', None, "can't be read as CSV: field larger than"),
        ("csv", f"query,document,grade,shown\nx,a,1,{'[' * 100_000}\n", None, "where a JSON list of document ids is"),
    ],
)
def test_a_file_that_can_not_be_read_is_told_in_a_sentence(
    form: str, judged: str, queries: str | None, told: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    longest = csv.field_size_limit(131_072)  # of the process: whatever reads tables in it has raised it
    request.addfinalizer(lambda: csv.field_size_limit(longest))
    paths = [tmp_path / "judged", tmp_path / "queries"]
    for path, text in zip(paths, (judged, queries or ""), strict=True):
        path.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_judgements(form, paths[0], paths[1] if queries else None)
    assert told in str(refused.value)


def test_every_form_names_a_file_that_is_missing(tmp_path: Path) -> None:
    for form in FORMS:
        with pytest.raises(UsageError, match=r"^There is no file "):
            read_judgements(form, tmp_path / "no", tmp_path / "none")


def test_an_id_with_white_space_is_refused_where_white_space_parts_columns(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^The form trec parts its columns by white space, and 'a b' has some\."):
        write_judgements("trec", [replace(CAT, document_id="a b")], tmp_path)


def test_a_csv_file_keeps_who_judged_and_gives_the_rest_to_whoever_brings_it(noted: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "judged.csv"
    path.write_text("query,document,grade,user\nkitten,notes/cat.txt,3,bob\nkitten,notes/cat.txt,0,\n")
    assert noted.import_judgements(None, path, form="csv") == 2
    held = noted.judgements()
    assert {one.user: one.grade for one in held} == {"bob": 3, "ann": 0}
    told = agreement_text(noted.agreement())
    assert told.splitlines()[1].split() == ["ann", "bob", "1", "0%", "0.00"]
    assert told.splitlines()[-1].split("  ") == ["kitten", "notes/cat.txt", "ann 0, bob 3"]
    for one in held:
        noted.withdraw(one.id)


def test_an_empty_query_and_an_empty_file_are_refused_at_the_door(noted: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "judged.csv"
    path.write_text("query,document,grade\n")
    with pytest.raises(UsageError, match=r"judged\.csv' holds no judgements\.$"):
        noted.import_judgements(None, path, form="csv")
    path.write_text("query,document,grade\n ,notes/cat.txt,3\n")
    with pytest.raises(QueryError):
        noted.import_judgements(None, path, form="csv")
    assert noted.judgements() == ()
