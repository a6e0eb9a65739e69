"""The command that learns what a collection's searches go by."""

from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, background_option, command

if TYPE_CHECKING:
    from search_app.retrieval import Approach
    from search_app.tuning import TuningOutcome

_BAR = 40  # characters of the longest bar


@command("tune", examples="twinsearch tune support\ntwinsearch tune support --reset")
@click.argument("collection", metavar="NAME")
@click.option("--reset", "is_reset", is_flag=True, help="Go back to what untuned collections go by.")
@background_option
def tune(shell: Shell, collection: str, *, is_reset: bool, in_background: bool) -> None:
    """Learn from judgements how much meaning and words weigh in a collection's searches."""
    from search_app.requests import TuneRequest

    if is_reset:
        approach = shell.app.reset_tuning(collection)
        shell.show(approach, lambda: f"Collection {collection!r} goes by {approach_text(approach)} again.")
        return
    shell.work(TuneRequest(collection), outcome_text, in_background=in_background)


def outcome_text(outcome: "TuningOutcome") -> str:
    """The curve, then what was found and what is done about it."""
    longest = max(trial.score for trial in outcome.curve) or 1.0
    marks = {outcome.best: "best", outcome.before: "before"}
    lines = [
        f"  {approach_text(trial.approach):<28} {trial.score:.4f}  {'█' * round(_BAR * trial.score / longest):<{_BAR}}"
        f"  {marks.get(trial.approach, '')}".rstrip()
        for trial in outcome.curve
    ]
    doubt = "" if outcome.p_value is None else f" (paired permutation test p = {outcome.p_value:.4f})"
    found = f"Cross-validated, the best approach gains {outcome.gain:+.4f} over the one before{doubt}."
    head = (
        f"nDCG@10 of {outcome.query_count} judged queries in generation {outcome.generation} of {outcome.collection!r}"
    )
    return "\n".join([head, *lines, f"{found} {_decision(outcome)}"])


def _decision(outcome: "TuningOutcome") -> str:
    if outcome.is_changed:
        return f"{outcome.collection!r} goes by {approach_text(outcome.after)} from now on; `--reset` goes back."
    if outcome.best == outcome.before:
        return f"Nothing is changed: {approach_text(outcome.before)} is the best already."
    return "Nothing is changed: that may be chance."


def approach_text(approach: "Approach") -> str:
    """For example "dense" or "hybrid (standout 0.4)"."""
    fusion = approach.fusion
    return f"hybrid ({fusion.method} {fusion.weight:g})" if approach.mode == "hybrid" else approach.mode.value


COMMANDS = (tune,)
