"""Measures rankings against judged queries, and tells whether two differ by more than chance.

    judged         judged queries and rankings, in and out of files
    measuring      metrics of one way to search
    runs           what a run is called, and who answers for it
    comparison     several runs, side by side
    significance   tests and intervals over paired differences
    chart          a comparison as a picture

Nothing here searches: who measures gives a function that does.
"""

from search_app.evaluation.comparison import Comparison, compare
from search_app.evaluation.judged import JudgedQueries, Qrels, Ranking, read_qrels
from search_app.evaluation.measuring import (
    DEPTH,
    GATE_METRIC,
    METRICS,
    Evaluation,
    Measurement,
    SearchMany,
    evaluate,
    measure,
    positive,
)
from search_app.evaluation.significance import bootstrap_interval, permutation_p

__all__ = [
    "DEPTH",
    "GATE_METRIC",
    "METRICS",
    "Comparison",
    "Evaluation",
    "JudgedQueries",
    "Measurement",
    "Qrels",
    "Ranking",
    "SearchMany",
    "bootstrap_interval",
    "compare",
    "evaluate",
    "measure",
    "permutation_p",
    "positive",
    "read_qrels",
]
