"""The command that goes the whole way from judgements to a better generation: learn."""

from typing import TYPE_CHECKING, Any

import click

from search_app.cli.generations import TERMS
from search_app.cli.shell import Shell, background_option, command, with_options
from search_app.cli.training import FROM_CORPUS

if TYPE_CHECKING:
    from search_app.learning.loop import LearnOutcome


@command(
    "learn",
    examples="""
twinsearch learn support
twinsearch learn support --mine --name support-1 --guard scifact/
twinsearch learn support --background""",
)
@click.argument("collection", metavar="NAME")
@click.option("--name", metavar="ENCODER", help="What the new encoder is called; NAME-1, NAME-2 … if not given.")
@click.option("--base", metavar="ENCODER", help="Where to start; the live encoder if not given.")
@click.option("--epochs", type=int, help="How often every example is seen.")
@click.option("--batch-size", type=int, help="Examples that are compared with each other.")
@click.option("--learning-rate", type=float, help="At its height.")
@FROM_CORPUS
@click.option("--mine", is_flag=True, help="Search the collection for hard negatives.")
@click.option("--set", "options", multiple=True, metavar="SETTING=VALUE", help="Any other setting of the training.")
@with_options(*TERMS[:2])
@background_option
def learn(shell: Shell, *, in_background: bool, **asked: Any) -> None:
    """Train on the judgements, re-index, and go live if the gate lets it through: the whole loop."""
    from search_app.jobs import as_json
    from search_app.requests import LearnRequest

    shell.work(
        LearnRequest(**asked),
        learn_text,
        in_background=in_background,
        value=lambda outcome: {"sentence": outcome.sentence, **as_json(outcome)},
    )


def learn_text(outcome: "LearnOutcome") -> str:
    """What was trained, what was predicted, what the gate said, and where the report is."""
    told = [outcome.training, outcome.preview.sentence] if outcome.verdict else [outcome.training]
    return "\n".join([*told, outcome.sentence, f"Report: {outcome.page}"])


COMMANDS = (learn,)
