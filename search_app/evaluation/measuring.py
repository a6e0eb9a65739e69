"""Measures one way to search on judged queries.

Metrics are those of `ir-measures`, over the documents in the order in which a person would see them. A query without a
hit counts as nothing found, one without a positive grade is left out, as trec_eval does.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingest.progress import Progress, Report
from search_app.answers import SearchResult
from search_app.errors import UsageError
from search_app.evaluation.judged import Qrels, Ranking

METRICS = ("nDCG@10", "R@100", "RR@10")
GATE_METRIC = "nDCG@10"
DEPTH = 100  # documents searched for each query, unless a metric looks deeper
DEPTH_MOST = 1000

_QUERIES_PER_CALL = 100
_METRIC = re.compile(r"(?:nDCG|RR|AP|R|P|Success)(?:@(?P<cutoff>[1-9]\d{0,3}))?")
_NEED_A_CUTOFF = ("R", "P", "Success")

SearchMany = Callable[[Sequence[str], int], list[SearchResult]]  # queries, k -> a result for each


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean metrics of one generation over judged queries; `by_query` holds the gate's metric of each query."""

    collection: str
    generation: int
    encoder: str
    query_count: int
    metrics: Mapping[str, float]
    by_query: Mapping[str, float]
    mode: str = "dense"  # what those were measured in that were kept before there were others


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured: the means, each metric's value for each query, and the documents that were found."""

    evaluation: Evaluation
    values: Mapping[str, Mapping[str, float]]
    rankings: Ranking


def evaluate(search: SearchMany, qrels: Qrels, *, report: Report, metrics: Sequence[str] = METRICS) -> Evaluation:
    """The means of `measure`."""
    return measure(search, qrels, report=report, metrics=metrics).evaluation


def measure(search: SearchMany, qrels: Qrels, *, report: Report, metrics: Sequence[str] = METRICS) -> Measurement:
    """Searches for every judged query, in batches, and measures the answers.

    Args:
        search: Gives the k best documents for each of some queries, all from one generation.
        qrels: Grades by query text.
        report: Hears of every batch.
        metrics: As `check_metrics` lets pass.

    Raises:
        UsageError: No query has a positive judgement, or there is no such metric.
    """
    depth = check_metrics(metrics)
    judged = positive(qrels)
    results = _search_all(search, list(judged), depth, report)
    rankings = {result.query: [hit.document_id for hit in result.hits] for result in results}
    values = values_of(rankings, judged, list(dict.fromkeys([*metrics, GATE_METRIC])))
    first = results[0]
    evaluation = Evaluation(
        collection=first.collection,
        generation=first.generation,
        encoder=first.encoder.name,
        query_count=len(judged),
        metrics={name: math.fsum(values[name].values()) / len(judged) for name in metrics},
        by_query=values[GATE_METRIC],
        mode=first.mode,
    )
    return Measurement(evaluation, {name: values[name] for name in metrics}, rankings)


def check_metrics(metrics: Sequence[str]) -> int:
    """How many documents these metrics look at.

    Raises:
        UsageError: There is no such metric, or it looks at more than DEPTH_MOST.
    """
    depth = DEPTH
    for name in metrics:
        found = _METRIC.fullmatch(name)
        cutoff = int(found["cutoff"] or 0) if found else 0
        if not found or cutoff > DEPTH_MOST or (not cutoff and name in _NEED_A_CUTOFF):
            raise UsageError(
                f"There is no metric {name!r}; choose nDCG@k, RR@k, AP, AP@k, R@k, P@k or Success@k with k from 1 to "
                f"{DEPTH_MOST:,}, as in nDCG@10."
            )
        depth = max(depth, cutoff or DEPTH_MOST)
    return depth


def positive(qrels: Qrels) -> Qrels:
    """The queries that have a positive grade.

    Raises:
        UsageError: None has.
    """
    judged = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    if not judged:
        raise UsageError("No query has a judgement above 0, so there is nothing to measure against.")
    return judged


def values_of(rankings: Ranking, qrels: Qrels, metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """The value of each metric for each judged query; 0 for one that nothing was found for."""
    import ir_measures  # half a second, and only evaluation needs it

    measures = {name: ir_measures.parse_measure(name) for name in metrics}
    names = {str(measure): name for name, measure in measures.items()}
    queries = list(qrels)
    numbers = {query: str(number) for number, query in enumerate(queries)}
    run = {
        numbers[query]: {document_id: -float(rank) for rank, document_id in enumerate(ranking)}
        for query, ranking in rankings.items()
        if query in numbers
    }
    judged = {numbers[query]: dict(grades) for query, grades in qrels.items()}
    values = {name: dict.fromkeys(queries, 0.0) for name in metrics}
    for one in ir_measures.iter_calc(list(measures.values()), judged, run):
        values[names[str(one.measure)]][queries[int(one.query_id)]] = one.value
    return values


def _search_all(search: SearchMany, queries: Sequence[str], depth: int, report: Report) -> list[SearchResult]:
    results: list[SearchResult] = []
    for start in range(0, len(queries), _QUERIES_PER_CALL):
        results += search(queries[start : start + _QUERIES_PER_CALL], depth)
        report(Progress("evaluate", len(results), len(queries), "queries"))
    return results
