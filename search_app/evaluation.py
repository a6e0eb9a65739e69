"""Measures a generation against judged queries, and compares two of them.

Metrics are those of `ir-measures`, over the documents in the order in which a person would see them.
The gate's rule: the new generation's mean nDCG@10 on held-out queries is not lower than the live one's.
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.progress import Progress, Report
from search_app.errors import UsageError
from search_app.search import SearchResult

METRICS = ("nDCG@10", "R@100", "RR@10")
GATE_METRIC = "nDCG@10"
DEPTH = 100  # documents searched for each query: as deep as the deepest metric looks

_QUERIES_PER_CALL = 100

Qrels = Mapping[str, Mapping[str, int]]  # query text -> document id -> grade
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
class Verdict:
    """What the gate says about a candidate beside the live generation, on the same held-out queries."""

    live: Evaluation
    candidate: Evaluation
    difference: float
    p_value: float | None
    wins: int
    losses: int
    ties: int
    is_passed: bool

    @property
    def sentence(self) -> str:
        """The verdict for people: figures first, then the decision."""
        decision = "The gate lets it through." if self.is_passed else "The gate keeps the live generation."
        doubt = "" if self.p_value is None else f", paired permutation test p {_p_text(self.p_value)}"
        return (
            f"Generation {self.candidate.generation} ({self.candidate.encoder}) against generation "
            f"{self.live.generation} ({self.live.encoder}) on {self.live.query_count} held-out queries: {GATE_METRIC} "
            f"{self.live.metrics[GATE_METRIC]:.4f} -> {self.candidate.metrics[GATE_METRIC]:.4f} "
            f"({self.difference:+.4f}{doubt}; {self.wins} better, {self.losses} worse, {self.ties} equal). {decision}"
        )


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def evaluate(search: SearchMany, qrels: Qrels, *, report: Report) -> Evaluation:
    """Searches for every judged query, in batches, and measures the answers.

    Args:
        search: Gives the k best documents for each of some queries, all from one generation.
        qrels: Grades by query text; queries without a positive grade are left out, as trec_eval does.
        report: Hears of every batch.

    Raises:
        UsageError: No query has a positive judgement.
    """
    judged = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    if not judged:
        raise UsageError("No query has a judgement above 0, so there is nothing to measure against.")
    results = _search_all(search, list(judged), report)
    by_metric = _measure(results, judged)
    first = results[0]
    return Evaluation(
        collection=first.collection,
        generation=first.generation,
        encoder=first.encoder.name,
        query_count=len(judged),
        metrics={name: math.fsum(values.values()) / len(judged) for name, values in by_metric.items()},
        by_query=by_metric[GATE_METRIC],
        mode=first.mode,
    )


def _search_all(search: SearchMany, queries: Sequence[str], report: Report) -> list[SearchResult]:
    results: list[SearchResult] = []
    for start in range(0, len(queries), _QUERIES_PER_CALL):
        results += search(queries[start : start + _QUERIES_PER_CALL], DEPTH)
        report(Progress("evaluate", len(results), len(queries), "queries"))
    return results


def _measure(results: Sequence[SearchResult], qrels: Qrels) -> dict[str, dict[str, float]]:
    """The value of each metric for each query; a query without a hit has 0."""
    import ir_measures  # half a second, and only evaluation needs it

    measures = {name: ir_measures.parse_measure(name) for name in METRICS}
    names = {str(measure): name for name, measure in measures.items()}
    numbers = {query: str(number) for number, query in enumerate(qrels)}
    run = {numbers[result.query]: {hit.document_id: -float(hit.rank) for hit in result.hits} for result in results}
    judged = {numbers[query]: dict(grades) for query, grades in qrels.items()}
    values = {name: dict.fromkeys(qrels, 0.0) for name in METRICS}
    queries = list(qrels)
    for one in ir_measures.iter_calc(list(measures.values()), judged, run):
        values[names[str(one.measure)]][queries[int(one.query_id)]] = one.value
    return values


def compare(live: Evaluation, candidate: Evaluation) -> Verdict:
    """The gate's verdict on two evaluations of the same queries."""
    differences = [candidate.by_query[query] - live.by_query[query] for query in live.by_query]
    difference = math.fsum(differences) / len(differences)
    return Verdict(
        live=live,
        candidate=candidate,
        difference=difference,
        p_value=permutation_p(differences),
        wins=sum(one > 0 for one in differences),
        losses=sum(one < 0 for one in differences),
        ties=sum(one == 0 for one in differences),
        is_passed=difference >= 0,
    )


def permutation_p(differences: Sequence[float]) -> float | None:
    """One-sided p that the mean difference is this large by chance; None when no query differs."""
    from scipy import stats

    if not any(differences):
        return None
    test: Any = stats.permutation_test(
        (differences,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type="samples",
        alternative="greater",
        n_resamples=9999,
        vectorized=True,
        rng=0,
    )
    return float(test.pvalue)


def read_qrels(queries_file: Path, qrels_file: Path) -> dict[str, dict[str, int]]:
    """Grades by query text and document id, from files in the layout of BEIR.

    Args:
        queries_file: JSON lines with `_id` and `text`.
        qrels_file: Tab-separated `query-id corpus-id score`, with a header.

    Raises:
        UsageError: A file is missing or has another layout, or a judged query has no text.
    """
    texts = _read_queries(queries_file)
    qrels: dict[str, dict[str, int]] = {}
    for query_id, document_id, grade in _read_grades(qrels_file):
        if query_id not in texts:
            raise UsageError(
                f"{str(qrels_file)!r} judges the query {query_id!r}, which {str(queries_file)!r} doesn't have."
            )
        qrels.setdefault(texts[query_id], {})[document_id] = grade
    return qrels


def _read_queries(path: Path) -> dict[str, str]:
    import pandas as pd

    expectation = 'one object a line, such as {"_id": "q1", "text": "how to copy a file"}'
    with _read_as(expectation, path):
        frame = pd.read_json(path, lines=True, dtype=False)
        return dict(zip(frame["_id"].astype(str), frame["text"].astype(str), strict=True))


def _read_grades(path: Path) -> list[tuple[str, str, int]]:
    import pandas as pd

    with _read_as("tab-separated columns query-id, corpus-id, score, with a header", path):
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
        columns = (frame["query-id"], frame["corpus-id"], frame["score"].astype(int))
        return list(zip(*columns, strict=True))


@contextmanager
def _read_as(expectation: str, path: Path) -> Iterator[None]:
    """Turns what goes wrong while a file is read into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(path)!r}.") from error
    except (KeyError, ValueError) as error:
        raise UsageError(f"{str(path)!r} can't be read as {expectation}: {error}.") from error
