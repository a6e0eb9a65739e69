"""Commands that build generations and decide which is live: reindex, gate, switch, rollback, generations."""

from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, background_option, command, with_options
from search_app.cli.tables import moment, table

if TYPE_CHECKING:
    from search_app.generation_status import GenerationStatus
    from search_app.reclaiming import Reclaimed
    from search_app.reindexing import ReindexOutcome

_FILE = click.Path(resolve_path=True)  # absolute: the job that reads it may run elsewhere, and later
TERMS = (  # of a switch: what the gate lets pass, and by which queries
    click.option("--non-inferior", type=float, metavar="MARGIN", help="Let pass what isn't worse by so much, as 0.01."),
    click.option("--guard", type=_FILE, metavar="FOLDER", help="Judged queries (BEIR) that mustn't suffer."),
    click.option("--queries", type=_FILE, metavar="FILE", help="JSON lines with _id and text."),
    click.option("--qrels", type=_FILE, metavar="FILE", help="Tab-separated query-id, corpus-id, score."),
)


@command(
    "reindex",
    examples="""
twinsearch reindex support --encoder support-1 --preview
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
@with_options(*TERMS)
@click.option("--preview", is_flag=True, help="Only predict what the gate would say, and what the build costs.")
@background_option
def reindex(shell: Shell, *, preview: bool, in_background: bool, **asked: Any) -> None:
    """Build a generation with another encoder or other chunks, beside the live one; no files are read for it."""
    from search_app.requests import ReindexRequest

    if preview:
        _preview(shell, in_background=in_background, **asked)
        return
    request = ReindexRequest(**asked)
    click.echo(shell.app.forecast(request).sentence, err=True)
    shell.work(
        request,
        lambda outcome: outcome_text(outcome, request.collection),
        in_background=in_background,
        value=outcome_json,
    )


def _preview(
    shell: Shell,
    collection: str,
    encoder: str | None,
    *,
    in_background: bool,
    queries: str | None,
    qrels: str | None,
    **others: Any,
) -> None:
    if encoder is None:
        raise click.UsageError("A preview is of another encoder: give --encoder NAME.")
    if unheeded := [f"--{name.replace('_', '-')}" for name, value in others.items() if value not in (None, False)]:
        raise click.UsageError(
            f"A preview heeds --encoder, --queries and --qrels only; leave out {' and '.join(unheeded)}."
        )
    from search_app.requests import PreviewRequest

    shell.work(
        PreviewRequest(collection, encoder, queries, qrels),
        lambda found: str(found.sentence),
        in_background=in_background,
        value=lambda found: {"sentence": found.sentence, "preview": found},
    )


@command("gate", examples="twinsearch gate support 2")
@click.argument("name")
@click.argument("generation", type=int)
@with_options(*TERMS)
def gate(shell: Shell, name: str, generation: int, **terms: Any) -> None:
    """Hear what the gate says about a generation; nothing is switched."""
    verdict = shell.app.verdict(name, generation, shell.app.terms(**terms), shell.listen())
    how = f"\n`twinsearch switch {name} {generation}` lets it answer from then on." if verdict.is_passed else ""
    shell.show({"sentence": verdict.paragraph, "verdict": verdict}, lambda: verdict.paragraph + how)


@command("switch", examples="twinsearch switch support 2")
@click.argument("name")
@click.argument("generation", type=int)
@click.option("--force", is_flag=True, help="Go live whatever the gate would say.")
@with_options(*TERMS)
def switch(shell: Shell, name: str, generation: int, **terms: Any) -> None:
    """Let another generation answer from now on, if the gate lets it through."""
    outcome = shell.app.switch(name, generation, shell.app.terms(**terms), shell.listen())
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
    sentence = outcome.verdict.paragraph if outcome.verdict else None
    return {
        "generation": outcome.generation,
        "is_live": outcome.is_live,
        "sentence": sentence,
        "verdict": outcome.verdict,
    }


def outcome_text(outcome: "ReindexOutcome", name: str) -> str:
    """What the gate said, then where things stand, then what may be done next."""
    number = outcome.generation.number
    called = f"Generation {number} of {name!r}"
    if outcome.is_live:
        stand = f"{called} is live. `twinsearch rollback {name}` goes back."
    elif outcome.verdict is None:
        stand = f"{called} is ready. `twinsearch switch {name} {number}` asks the gate."
    else:
        stand = f"{called} stays ready. `twinsearch generations drop {name} {number}` gives its disk back."
    return f"{outcome.verdict.paragraph}\n{stand}" if outcome.verdict else stand


class _ListsAtOnce(click.Group):
    """A group in which a collection's name alone lists its generations."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the word `list` before a name that is no command."""
        is_name = bool(args) and not args[0].startswith("-") and args[0] not in self.commands
        return super().parse_args(ctx, ["list", *args] if is_name else args)


@click.group("generations", cls=_ListsAtOnce)
def generations() -> None:
    """List, reclaim or drop generations of a collection; `generations NAME` lists them."""


@command("list", examples="twinsearch generations list support\ntwinsearch generations support")
@click.argument("name")
def list_generations(shell: Shell, name: str) -> None:
    """Show every generation of a collection: what it holds and takes, and how it went live."""
    found = shell.app.generation_status(name)
    head = ("number", "state", "encoder", "fingerprint", "precision", "chunks", "disk", "live since", "by", "gate")
    shell.show(found, lambda: table(head, [_row(one) for one in found]))


def _row(one: "GenerationStatus") -> tuple[str, ...]:
    generation = one.generation
    return (
        str(generation.number),
        generation.state.value,
        generation.encoder_name,
        generation.fingerprint[:12],
        generation.precision,
        f"{one.chunk_count:,}",
        "-" if one.disk_bytes is None else f"{one.disk_bytes / 1e6:,.1f} MB",
        moment(generation.live_at),
        one.switch.way.value if one.switch else "-",
        one.gate,
    )


@command("reclaim", examples="twinsearch generations reclaim support")
@click.argument("name")
def reclaim_generations(shell: Shell, name: str) -> None:
    """Drop generations that were kept long enough (the setting soak_days), and vectors that nobody knows."""
    reclaimed = shell.app.reclaim(name)
    shell.show(reclaimed, lambda: reclaimed_text(reclaimed))


def reclaimed_text(reclaimed: "Reclaimed") -> str:
    """A line for each thing that was dropped, and for each generation that isn't due yet."""
    name = reclaimed.collection
    lines = [f"Generation {number} of {name!r} is dropped." for number in reclaimed.numbers]
    lines += [f"The Milvus collection {one}, of no generation, is dropped." for one in reclaimed.orphans]
    kept = [
        f"Generation {number} of {name!r} is kept as yet; `twinsearch generations drop {name} {number}` drops it now."
        for number in reclaimed.kept
    ]
    return "\n".join([*(lines or ["There is nothing to reclaim."]), *kept])


@command("drop", examples="twinsearch generations drop support 1")
@click.argument("name")
@click.argument("generation", type=int)
def drop_generation(shell: Shell, name: str, generation: int) -> None:
    """Drop the vectors of a generation that isn't live; the documents stay."""
    dropped = shell.app.drop_generation(name, generation)
    shell.show(dropped, lambda: f"Generation {generation} of {name!r} is dropped.")


for member in (list_generations, reclaim_generations, drop_generation):
    generations.add_command(member)

COMMANDS = (reindex, gate, switch, rollback, generations)
