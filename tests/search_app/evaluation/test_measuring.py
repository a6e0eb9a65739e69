"""Metrics are those that can be worked out on paper."""

from collections.abc import Sequence
from math import log2
from typing import Any

import pytest

from ingest.progress import Progress, unheard
from search_app.errors import UsageError
from search_app.evaluation import evaluate, measure
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


def test_every_metric_is_the_one_worked_out_on_paper() -> None:
    search = search_of(first=["x", "a", "b", "y"], second=["c"])
    qrels = {"first": {"a": 1, "b": 1, "lost": 1}, "second": {"c": 1}}
    found = measure(search, qrels, report=unheard, metrics=("P@2", "R@2", "RR@10", "AP", "Success@1", "nDCG@1"))
    assert {name: own["first"] for name, own in found.values.items()} == pytest.approx(
        {"P@2": 1 / 2, "R@2": 1 / 3, "RR@10": 1 / 2, "AP": (1 / 2 + 2 / 3) / 3, "Success@1": 0, "nDCG@1": 0}
    )
    assert {name: own["second"] for name, own in found.values.items()} == pytest.approx(
        {"P@2": 1 / 2, "R@2": 1, "RR@10": 1, "AP": 1, "Success@1": 1, "nDCG@1": 1}
    )
    assert found.evaluation.metrics["AP"] == pytest.approx(((1 / 2 + 2 / 3) / 3 + 1) / 2)
    assert found.rankings == {"first": ["x", "a", "b", "y"], "second": ["c"]}


@pytest.mark.parametrize(("metrics", "depth"), [(("nDCG@10",), 100), (("R@500", "P@5"), 500), (("AP",), 1000)])
def test_a_search_goes_as_deep_as_the_deepest_metric_looks(metrics: tuple[str, ...], depth: int) -> None:
    asked = []

    def search(queries: Sequence[str], k: int) -> list[SearchResult]:
        asked.append(k)
        return [answered(query, "a") for query in queries]

    evaluate(search, {"query": {"a": 1}}, report=unheard, metrics=metrics)
    assert asked == [depth]


@pytest.mark.parametrize("name", ["nDCG@0", "R", "P", "MAP", "R@5000", "nDCG@", "", "__import__('os')", "nDCG@10 "])
def test_a_metric_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        evaluate(search_of(), {"query": {"a": 1}}, report=unheard, metrics=(name,))
    assert str(refused.value) == (
        f"There is no metric {name!r}; choose nDCG@k, RR@k, AP, AP@k, R@k, P@k or Success@k with k from 1 to 1,000, as "
        "in nDCG@10."
    )
