"""Metrics are those that can be worked out on paper, and the gate lets through what isn't worse."""

from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Any

import pytest

from ingest.progress import Progress, unheard
from search_app.errors import UsageError
from search_app.evaluation import Evaluation, Verdict, compare, evaluate, read_qrels
from search_app.search import EncoderName, Hit, SearchResult


def answered(query: str, *document_ids: str) -> SearchResult:
    """A result with these hits, the best first."""
    fields: dict[str, Any] = {"title": "", "source": "", "text": "", "start": 0, "end": 0, "metadata": {}}
    hits = [
        Hit(rank, 1 - rank / 1000, document_id, f"chunk of {document_id}", **fields)
        for rank, document_id in enumerate(document_ids, 1)
    ]
    return SearchResult(query, "docs", 1, EncoderName("fluent", "f" * 64), "dense", {}, tuple(hits))


def search_of(**pages: Sequence[str]) -> Any:
    return lambda queries, k: [answered(query, *pages[query][:k]) for query in queries]


def evaluation(by_query: dict[str, float], generation: int = 1) -> Evaluation:
    mean = sum(by_query.values()) / len(by_query)
    return Evaluation("docs", generation, f"encoder-{generation}", len(by_query), {"nDCG@10": mean}, by_query)


def test_metrics_are_those_worked_out_on_paper() -> None:
    search = search_of(first=["a", "x", "y"], second=["x", "b", "y"], graded=["one", "three"])
    qrels = {"first": {"a": 1}, "second": {"b": 1, "lost": 1}, "graded": {"three": 3, "one": 1, "none": 0}}
    found = evaluate(search, qrels, report=unheard)
    second = (1 / log2(3)) / (1 + 1 / log2(3))
    graded = (1 + 3 / log2(3)) / (3 + 1 / log2(3))
    assert found.by_query == pytest.approx({"first": 1, "second": second, "graded": graded})
    assert found.metrics == pytest.approx(
        {"nDCG@10": (1 + second + graded) / 3, "R@100": (1 + 1 / 2 + 1) / 3, "RR@10": (1 + 1 / 2 + 1) / 3}
    )
    assert (found.collection, found.generation, found.encoder, found.query_count) == ("docs", 1, "fluent", 3)


def test_what_stands_below_rank_ten_counts_for_recall_only() -> None:
    page = [f"x{number}" for number in range(10)] + ["a"]
    found = evaluate(search_of(query=page), {"query": {"a": 1}}, report=unheard)
    assert found.metrics == {"nDCG@10": 0, "R@100": 1, "RR@10": 0}


def test_a_query_without_an_answer_counts_as_nothing_found() -> None:
    found = evaluate(search_of(empty=[], full=["a"]), {"empty": {"a": 1}, "full": {"a": 1}}, report=unheard)
    assert found.metrics == {"nDCG@10": 0.5, "R@100": 0.5, "RR@10": 0.5}


def test_a_query_without_a_positive_grade_is_left_out() -> None:
    found = evaluate(search_of(full=["a"]), {"full": {"a": 1}, "never asked": {"a": 0}}, report=unheard)
    assert (found.query_count, found.metrics["nDCG@10"]) == (1, 1)


def test_without_any_positive_grade_there_is_nothing_to_measure() -> None:
    with pytest.raises(UsageError) as refused:
        evaluate(search_of(), {"query": {"a": 0}}, report=unheard)
    assert str(refused.value) == "No query has a judgement above 0, so there is nothing to measure against."


def test_queries_are_asked_a_hundred_at_a_time_with_progress() -> None:
    heard: list[Progress] = []
    qrels = {f"query {number}": {"a": 1} for number in range(250)}
    asked: list[tuple[int, int]] = []

    def search(queries: Sequence[str], k: int) -> list[SearchResult]:
        asked.append((len(queries), k))
        return [answered(query, "a") for query in queries]

    assert evaluate(search, qrels, report=heard.append).metrics["nDCG@10"] == 1
    assert asked == [(100, 100), (100, 100), (50, 100)]
    assert [(one.stage, one.done, one.total, one.unit) for one in heard] == [
        ("evaluate", done, 250, "queries") for done in (100, 200, 250)
    ]


def verdict_of(live: Sequence[float], candidate: Sequence[float]) -> Verdict:
    names = [f"query {number}" for number in range(len(live))]
    return compare(
        evaluation(dict(zip(names, live, strict=True))), evaluation(dict(zip(names, candidate, strict=True)), 2)
    )


def test_the_gate_lets_through_what_is_not_worse() -> None:
    assert verdict_of([0.5, 0.5], [0.5, 0.5]).is_passed
    assert verdict_of([0.5, 0.0], [0.0, 0.5]).is_passed
    assert not verdict_of([0.5, 0.5], [0.5, 0.49]).is_passed


def test_a_verdict_counts_better_worse_and_equal_queries() -> None:
    verdict = verdict_of([0.0, 0.5, 0.5, 1.0], [1.0, 0.75, 0.5, 0.5])
    assert (verdict.wins, verdict.losses, verdict.ties) == (2, 1, 1)
    assert verdict.difference == pytest.approx((1 + 0.25 - 0.5) / 4)


def test_the_chance_of_a_difference_is_that_of_all_signs_being_equal() -> None:
    better = verdict_of([0, 0, 0, 0], [0.5, 0.5, 0.5, 0])
    assert better.p_value == pytest.approx(1 / 8)  # of the eight ways to give three halves a sign, one is as good
    assert verdict_of([0.5, 0.5], [0, 0]).p_value == 1
    assert verdict_of([0.5, 0.5], [0.5, 0.5]).p_value is None


def test_a_verdict_says_figures_first_and_then_the_decision() -> None:
    assert verdict_of([0, 0, 0, 0], [0.5, 0.5, 0.5, 0]).sentence == (
        "Generation 2 (encoder-2) against generation 1 (encoder-1) on 4 held-out queries: nDCG@10 0.0000 -> 0.3750 "
        "(+0.3750, paired permutation test p = 0.125; 3 better, 0 worse, 1 equal). The gate lets it through."
    )
    assert verdict_of([0.5], [0.5]).sentence == (
        "Generation 2 (encoder-2) against generation 1 (encoder-1) on 1 held-out queries: nDCG@10 0.5000 -> 0.5000 "
        "(+0.0000; 0 better, 0 worse, 1 equal). The gate lets it through."
    )


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
