"""What evaluate and compare print, read and write."""

import csv
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from search_app.app import SearchApp

Twinsearch = Callable[..., tuple[int, str, str]]


@pytest.fixture
def filled(noted: SearchApp, run_on: Twinsearch) -> Twinsearch:
    return partial(run_on, noted.home.path)


@pytest.fixture
def beir(judged: tuple[Path, Path]) -> Path:
    """The judged queries as a folder in the layout of BEIR."""
    queries, qrels = judged
    (queries.parent / "qrels").mkdir()
    qrels.rename(queries.parent / "qrels" / "test.tsv")
    return queries.parent


def test_a_folder_of_beir_is_measured_with_the_metrics_that_are_named(filled: Twinsearch, beir: Path) -> None:
    told = filled("evaluate", "--beir", beir, "--mode", "dense", "--metrics", "AP, Success@1")
    line = "AP 1.0000  Success@1 1.0000  (8 queries, dense, generation 1 of 'docs', encoder fluent)\n"
    assert told == (0, line, "")


def test_each_query_s_values_and_the_run_are_written(filled: Twinsearch, beir: Path, tmp_path: Path) -> None:
    table, run = tmp_path / "values.csv", tmp_path / "dense.trec"
    assert filled("evaluate", "--beir", beir, "--mode", "dense", "--per-query", table, "--run", run)[0] == 0
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    assert rows[0] == {"query": "kitten", "nDCG@10": "1.0", "R@100": "1.0", "RR@10": "1.0"}
    assert len(rows) == 8
    assert run.read_text().splitlines()[0] == "q0 Q0 notes/cat.txt 1 1.000000 1:dense"
    assert filled("evaluate", "--beir", beir, "--per-query", tmp_path / "values.jsonl")[0] == 0
    assert json.loads((tmp_path / "values.jsonl").read_text().splitlines()[0])["query"] == "kitten"


def test_runs_are_compared_in_a_table(filled: Twinsearch, beir: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.html"
    code, out, err = filled("compare", "lexical", "1:dense", "--beir", beir, "--chart", chart)
    assert (code, err) == (0, "")
    assert out == (
        "nDCG@10 on 8 judged queries of 'docs'\n"
        "\n"
        "run      mean    95 % interval     unjudged@10  answered by\n"
        "lexical  0.0000  0.0000 to 0.0000  0%           generation 1 (fluent), lexical\n"
        "1:dense  1.0000  1.0000 to 1.0000  75%          generation 1 (fluent), dense\n"
        "\n"
        "1:dense against lexical: +1.0000 (+1.0000 to +1.0000; p = 0.008; 8 better, 0 equal, 0 worse)\n"
        "Most moved from lexical to 1:dense:\n"
        "  0.00 -> 1.00  blaze\n"
        "  0.00 -> 1.00  drizzle ocean\n"
        "  0.00 -> 1.00  evening\n"
        "  0.00 -> 1.00  hound\n"
        "  0.00 -> 1.00  kitten\n"
    )
    assert chart.read_text().startswith('<!doctype html>\n<meta charset="utf-8">\n<svg ')


def test_a_run_file_is_compared_with_what_it_was_made_from(filled: Twinsearch, beir: Path, tmp_path: Path) -> None:
    run = tmp_path / "dense.trec"
    filled("evaluate", "--beir", beir, "--mode", "dense", "--run", run)
    found = json.loads(filled("compare", "dense", run, "fluent:lexical", "--beir", beir, "--json")[1])
    assert [run["mean"] for run in found["runs"]] == [1.0, 1.0, 0.0]
    assert [(pair["difference"], pair["corrected_p"] is None) for pair in found["pairs"]] == [
        (0.0, True),
        (-1.0, False),
        (-1.0, False),
    ]


def test_held_out_judgements_count_where_no_file_is_named(twinsearch: Twinsearch, notes: Path, beir: Path) -> None:
    twinsearch("ingest", notes)
    code, out, err = twinsearch("evaluate")
    assert (code, out) == (2, "")
    assert err == (
        "Collection 'docs' has no held-out judgements to measure on. Judge more answers, or give judged queries with "
        "--queries and --qrels, or with --beir.\n"
    )
    files = (beir / "qrels" / "test.tsv", "--queries", beir / "queries.jsonl")
    assert twinsearch("judgements", "import", *files, "--split", "heldout")[0] == 0
    assert twinsearch("evaluate", "--mode", "dense")[1].startswith("nDCG@10 1.0000  R@100 1.0000  RR@10 1.0000  (8 ")


def test_a_judged_copy_counts_when_its_original_is_found(twinsearch: Twinsearch, notes: Path, beir: Path) -> None:
    (notes / "copies").mkdir()
    shutil.copy2(notes / "cat.txt", notes / "copies" / "cat.txt")
    twinsearch("ingest", notes)
    for document_id in ("notes/cat.txt", "notes/copies/cat.txt"):
        (beir / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq0\t{document_id}\t1\n")
        assert twinsearch("evaluate", "--beir", beir, "--mode", "dense")[1].startswith("nDCG@10 1.0000")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("compare", "dense"), "'dense' can't be compared: name at least two runs, each once."),
        (("compare", "dense", "dense"), "'dense, dense' can't be compared: name at least two runs, each once."),
        (
            ("compare", "dense", "7:dense"),
            "'7:dense' is no run: no mode (dense, lexical, hybrid), no run file that is there, and no generation or "
            "encoder of the collection, which has 1 (fluent). Add a mode behind a colon, as in 2:dense.",
        ),
        (
            ("evaluate", "--per-query", "/values.xls"),
            "'/values.xls' can't be written: its name must end in .csv, .tsv, .jsonl.",
        ),
        (
            ("compare", "dense", "lexical", "--chart", "/chart.png"),
            "'/chart.png' can't be written: its name must end in .svg, .html.",
        ),
    ],
)
def test_what_can_not_be_measured_is_told(
    filled: Twinsearch, beir: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    assert filled(*arguments, "--beir", beir) == (2, "", f"{sentence}\n")


def test_judged_queries_come_in_one_way(filled: Twinsearch, beir: Path) -> None:
    sentence = "Judged queries come as --queries with --qrels, or as --beir alone: give one of these.\n"
    for given in (("--queries", beir / "queries.jsonl"), ("--beir", beir, "--qrels", beir / "qrels" / "test.tsv")):
        assert filled("evaluate", *given) == (2, "", sentence)
