"""What came of long work, in the words of the command that asks for it, for a job that runs without that command."""

from collections.abc import Callable
from typing import Any

from search_app.cli.generations import outcome_text
from search_app.cli.grouping import arranged_text
from search_app.cli.learning import learn_text
from search_app.cli.loading import summary_line, trouble_lines
from search_app.cli.measuring import comparison_text, evaluation_text
from search_app.cli.training import mined_text, training_text
from search_app.cli.tuning import outcome_text as tuning_text

TEXTS: dict[str, Callable[[Any, Any], str]] = {  # by the request's kind: of the request and its outcome
    "ingest": lambda request, outcome: "\n".join([*trouble_lines(outcome), summary_line(outcome, request.collection)]),
    "train": lambda request, outcome: training_text(outcome, request.name),
    "mine": lambda request, outcome: mined_text(outcome, request.collection),
    "evaluate": lambda _, outcome: evaluation_text(outcome),
    "compare": lambda _, outcome: comparison_text(outcome),
    "tune": lambda _, outcome: tuning_text(outcome),
    "preview": lambda _, outcome: str(outcome.sentence),
    "reindex": lambda request, outcome: outcome_text(outcome, request.collection),
    "learn": lambda _, outcome: learn_text(outcome),
    "arrange": lambda _, outcome: arranged_text(outcome),
}
