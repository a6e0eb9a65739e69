"""Commands that measure and change generations: evaluate, reindex, compare, switch, rollback, generations, encoders."""

from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, collection_option, command, mode_option
from search_app.cli.tables import moment, table

if TYPE_CHECKING:
    from search_app.evaluation import Evaluation
    from search_app.reindexing import ReindexOutcome

_FILE = click.Path(resolve_path=True)  # absolute: the job that reads it may run elsewhere, and later
_JUDGED = (
    click.option("--queries", type=_FILE, metavar="FILE", help="JSON lines with _id and text."),
    click.option("--qrels", type=_FILE, metavar="FILE", help="Tab-separated query-id, corpus-id, score."),
)


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


@command(
    "reindex",
    examples="""
twinsearch reindex support --encoder support-1
twinsearch reindex support --encoder support-1 --switch
twinsearch reindex support --encoder support-1 --precision int8 --switch
twinsearch reindex support --chunk-tokens 128 --chunk-overlap 16""",
)
@click.argument("collection", metavar="NAME")
@click.option("--encoder", metavar="NAME", help="The encoder that fills the new generation; as before if not given.")
@click.option("--precision", metavar="NAME", help="In which it runs: auto, fp32, bf16, fast-fp32, fast-bf16, int8.")
@click.option("--chunk-tokens", type=int, metavar="N", help="Tokens that a chunk may have; as before if not given.")
@click.option("--chunk-overlap", type=int, metavar="N", help="Tokens that it repeats of the chunk before.")
@click.option("--switch", is_flag=True, help="Go live if the gate lets it through.")
@click.option("--force", is_flag=True, help="Go live whatever the gate would say.")
@_JUDGED[0]
@_JUDGED[1]
def reindex(shell: Shell, **asked: Any) -> None:
    """Build a generation with another encoder or other chunks, beside the live one; no files are read for it."""
    from search_app.requests import ReindexRequest

    request = ReindexRequest(**asked)
    outcome = shell.app.run(request, shell.listen())
    shell.show(outcome_json(outcome), lambda: outcome_text(outcome, request.collection))


@command("compare", examples="twinsearch compare support 2")
@click.argument("name")
@click.argument("generation", type=int)
@_JUDGED[0]
@_JUDGED[1]
def compare(shell: Shell, name: str, generation: int, queries: str | None, qrels: str | None) -> None:
    """Hear what the gate says about a generation; nothing is switched."""
    verdict = shell.app.compare(name, generation, shell.app.judged(queries, qrels), shell.listen())
    shell.show({"sentence": verdict.sentence, "verdict": verdict}, lambda: verdict.sentence)


@command("switch", examples="twinsearch switch support 2")
@click.argument("name")
@click.argument("generation", type=int)
@click.option("--force", is_flag=True, help="Go live whatever the gate would say.")
@_JUDGED[0]
@_JUDGED[1]
def switch(shell: Shell, name: str, generation: int, force: bool, queries: str | None, qrels: str | None) -> None:
    """Let another generation answer from now on, if the gate lets it through."""
    from search_app.reindexing import SwitchTerms

    terms = SwitchTerms(shell.app.judged(queries, qrels), force)
    outcome = shell.app.switch(name, generation, terms, shell.listen())
    shell.show(outcome_json(outcome), lambda: outcome_text(outcome, name))


@command("rollback", examples="twinsearch rollback support")
@click.argument("name")
def rollback(shell: Shell, name: str) -> None:
    """Let the generation before the live one answer again."""
    generation = shell.app.rollback(name, shell.listen())
    text = f"Generation {generation.number} of {name!r} ({generation.encoder_name}) is live again."
    shell.show(generation, lambda: text)


def outcome_json(outcome: "ReindexOutcome") -> dict[str, object]:
    """The outcome with the verdict's sentence beside its figures."""
    sentence = outcome.verdict.sentence if outcome.verdict else None
    return {
        "generation": outcome.generation,
        "is_live": outcome.is_live,
        "sentence": sentence,
        "verdict": outcome.verdict,
    }


def outcome_text(outcome: "ReindexOutcome", name: str) -> str:
    """What the gate said, then where things stand, then what may be done next."""
    number = outcome.generation.number
    stand = (
        f"Generation {number} of {name!r} is live. `twinsearch rollback {name}` goes back."
        if outcome.is_live
        else f"Generation {number} of {name!r} is ready. `twinsearch switch {name} {number}` asks the gate."
    )
    return f"{outcome.verdict.sentence}\n{stand}" if outcome.verdict else stand


@click.group("generations")
def generations() -> None:
    """List or drop generations of a collection."""


@command("list", examples="twinsearch generations list support")
@click.argument("name")
def list_generations(shell: Shell, name: str) -> None:
    """Show every generation of a collection."""
    found = shell.app.generations.list(name)
    head = ("number", "state", "encoder", "fingerprint", "precision", "made", "live since", "physical name")
    rows = [
        (
            str(one.number),
            one.state.value,
            one.encoder_name,
            one.fingerprint[:12],
            one.precision,
            moment(one.created_at),
            moment(one.live_at),
            one.physical_name,
        )
        for one in found
    ]
    shell.show(found, lambda: table(head, rows))


@command("drop", examples="twinsearch generations drop support 1")
@click.argument("name")
@click.argument("generation", type=int)
def drop_generation(shell: Shell, name: str, generation: int) -> None:
    """Drop the vectors of a generation that isn't live; the documents stay."""
    dropped = shell.app.drop_generation(name, generation)
    shell.show(dropped, lambda: f"Generation {generation} of {name!r} is dropped.")


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


for group, members in (
    (generations, (list_generations, drop_generation)),
    (encoders, (list_encoders, truncate_encoder, drop_encoder)),
):
    for member in members:
        group.add_command(member)


COMMANDS = (evaluate, reindex, compare, switch, rollback, generations, encoders)
