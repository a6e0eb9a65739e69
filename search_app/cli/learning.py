"""Commands about encoders and how good they are: evaluate, encoders."""

from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, collection_option, command, mode_option
from search_app.cli.tables import moment, table

if TYPE_CHECKING:
    from search_app.evaluation import Evaluation

_FILE = click.Path(resolve_path=True)  # absolute: the job that reads it may run elsewhere, and later


@command("evaluate", examples="twinsearch evaluate -c scifact --queries queries.jsonl --qrels qrels/test.tsv")
@collection_option
@click.option("--generation", type=int, metavar="NUMBER", help="Another generation than the live one.")
@click.option("--queries", type=_FILE, required=True, metavar="FILE", help="JSON lines with _id and text.")
@click.option(
    "--qrels",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="Tab-separated query-id, corpus-id, score.",
)
@mode_option
@click.option("--exact", is_flag=True, help="Compare with every vector instead of following a graph.")
def evaluate(shell: Shell, **asked: Any) -> None:
    """Measure how well a collection answers judged queries."""
    from search_app.requests import EvaluateRequest

    evaluation = shell.app.run(EvaluateRequest(**asked), shell.listen())
    shell.show(evaluation, lambda: evaluation_text(evaluation))


def evaluation_text(evaluation: "Evaluation") -> str:
    """One line: the metrics, then what they are of."""
    figures = "  ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items())
    return (
        f"{figures}  ({evaluation.query_count} queries, {evaluation.mode}, generation "
        f"{evaluation.generation} of {evaluation.collection!r}, encoder {evaluation.encoder})"
    )


@click.group("encoders")
def encoders() -> None:
    """List, shorten or drop encoders."""


@command("list", examples="twinsearch encoders list")
def list_encoders(shell: Shell) -> None:
    """Show every encoder that this home knows."""
    found = shell.app.catalog.encoders.list()
    head = ("encoder", "fingerprint", "dimension", "longest text", "since")
    rows = [
        (one.name, one.fingerprint[:12], str(one.dim), f"{one.max_tokens} tokens", moment(one.created_at))
        for one in found
    ]
    shell.show(found, lambda: table(head, rows))


@command("truncate", examples="twinsearch encoders truncate support-1 --dim 128 --name support-1-short")
@click.argument("encoder", metavar="ENCODER")
@click.option("--dim", type=int, required=True, metavar="N", help="How many components a vector keeps.")
@click.option("--name", required=True, metavar="NEW", help="What the new encoder is called.")
def truncate_encoder(shell: Shell, encoder: str, dim: int, name: str) -> None:
    """Make an encoder that keeps the first components of another's vectors (Matryoshka)."""
    made = shell.app.truncate(encoder, dim, name)
    text = (
        f"Encoder {name!r} ({made.fingerprint[:12]}) gives the first {made.dim} components of {encoder!r}.\n"
        f"To use it: `twinsearch reindex COLLECTION --encoder {name} --switch`."
    )
    shell.show(made, lambda: text)


@command("drop", examples="twinsearch encoders drop support-1")
@click.argument("name")
def drop_encoder(shell: Shell, name: str) -> None:
    """Delete a trained encoder that no generation needs."""
    shell.app.encoders.remove(name)
    shell.show({"dropped": name}, lambda: f"Encoder {name!r} is gone.")


for member in (list_encoders, truncate_encoder, drop_encoder):
    encoders.add_command(member)

COMMANDS = (evaluate, encoders)
