"""Compares several ways to search on the same judged queries, pair by pair.

Differences are paired: the second run's metric minus the first one's, query by query. Where there are more than two
runs, p values are corrected for it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from search_app.evaluation.judged import Qrels, Ranking
from search_app.evaluation.measuring import values_of
from search_app.evaluation.significance import bootstrap_interval, holm, permutation_p

MOVED_SHOWN = 10

_LOOKED_AT = 10  # documents of a ranking that a person sees first


@dataclass(frozen=True, slots=True)
class Run:
    """A way to search by name, what answered, and what it found for each query."""

    name: str
    answered_by: str
    rankings: Ranking


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The mean of the metric with its 95 % interval; `unjudged` is the share of the first ten that nobody judged."""

    name: str
    answered_by: str
    mean: float
    low: float
    high: float
    unjudged: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A query that the two runs answer differently."""

    query: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, query by query.

    `difference` is the second one's mean minus the first one's, between `low` and `high` at 95 %. `p_value` is
    two-sided, and None where no query differs; `corrected_p` is it after Holm's correction. Wins are the second one's.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p_value: float | None
    corrected_p: float | None
    wins: int
    ties: int
    losses: int
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The runs in the order in which they were named, then every pair of them; `values` has the runs' by query."""

    collection: str
    metric: str
    query_count: int
    runs: tuple[RunFigures, ...]
    pairs: tuple[Pair, ...]
    values: Mapping[str, Mapping[str, float]]


def compare(runs: Sequence[Run], qrels: Qrels, *, collection: str, metric: str) -> Comparison:
    """The comparison of at least two runs of different names.

    Args:
        runs: What they found; a query that a run doesn't answer counts as nothing found.
        qrels: Judged queries, each with a positive grade.
        collection: What was searched.
        metric: As `check_metrics` lets pass.
    """
    values = {run.name: values_of(run.rankings, qrels, [metric])[metric] for run in runs}
    pairs = [_pair(first, second, values) for first, second in combinations(values, 2)]
    corrected = holm([pair.p_value for pair in pairs])
    return Comparison(
        collection=collection,
        metric=metric,
        query_count=len(qrels),
        runs=tuple(_figures(run, values[run.name], qrels) for run in runs),
        pairs=tuple(replace(pair, corrected_p=one) for pair, one in zip(pairs, corrected, strict=True)),
        values=values,
    )


def _pair(first: str, second: str, values: Mapping[str, Mapping[str, float]]) -> Pair:
    moved = [Moved(query, before, values[second][query]) for query, before in values[first].items()]
    differences = [one.after - one.before for one in moved]
    low, high = bootstrap_interval(differences)
    most = sorted(moved, key=lambda one: (-abs(one.after - one.before), one.query))
    return Pair(
        first=first,
        second=second,
        difference=math.fsum(differences) / len(differences),
        low=low,
        high=high,
        p_value=permutation_p(differences, alternative="two-sided"),
        corrected_p=None,
        wins=sum(one > 0 for one in differences),
        ties=sum(one == 0 for one in differences),
        losses=sum(one < 0 for one in differences),
        moved=tuple(one for one in most[:MOVED_SHOWN] if one.after != one.before),
    )


def _figures(run: Run, values: Mapping[str, float], qrels: Qrels) -> RunFigures:
    low, high = bootstrap_interval(list(values.values()))
    mean = math.fsum(values.values()) / len(values)
    return RunFigures(run.name, run.answered_by, mean, low, high, unjudged_share(run.rankings, qrels))


def unjudged_share(rankings: Ranking, qrels: Qrels) -> float:
    """The share of the first ten documents, over all judged queries, that nobody judged; 0 where nothing was found."""
    firsts = [(query, document_id) for query in qrels for document_id in rankings.get(query, ())[:_LOOKED_AT]]
    unjudged = sum(document_id not in qrels[query] for query, document_id in firsts)
    return unjudged / len(firsts) if firsts else 0.0
