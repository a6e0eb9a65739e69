"""Commands about learning: train, lint, mine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, background_option, collection_option, command, with_options
from search_app.cli.tables import table

if TYPE_CHECKING:
    from search_app.lint_report import LintReport
    from search_app.mined_file import MineOutcome
    from search_app.requests import TrainRequest
    from search_app.twin.training_report import TrainingReport

_FILE = click.Path(resolve_path=True)  # absolute: the job that reads it may run elsewhere, and later
_WAYS = ("title", "heading", "neighbours", "cloze")


def _listed(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",")) if value else ()


def _numbers(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in _listed(context, option, value)) or None
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no list of whole numbers such as 384,128.") from error


def _range(context: click.Context, option: click.Parameter, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        lowest, highest = (float(part) for part in _listed(context, option, value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no range such as 0,5.") from error
    return lowest, highest


FROM_CORPUS = click.option(
    "--from-corpus",
    is_flag=False,
    flag_value=",".join(_WAYS),
    callback=_listed,
    metavar="[WAYS]",
    help=f"The documents themselves: any of {','.join(_WAYS)}; all of them if none is named.",
)
_SOURCES = (
    click.option("--pairs", type=_FILE, metavar="FILE", help="Examples: CSV, TSV, JSONL or Parquet."),
    click.option("--from-judgements", is_flag=True, help="The collection's judgements; so it is if nothing is named."),
    FROM_CORPUS,
    click.option("--corpus-limit", type=int, default=10_000, show_default=True, help="Examples of each such way."),
    click.option("--per-query", type=int, default=10, show_default=True, help="Answers learned for one judged query."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of every choice that is left to chance."),
)
_SCORES = click.option("--score-range", callback=_range, metavar="LOW,HIGH", help="Of the scores; else it is found.")
_HELD_OUT = click.option(
    "--held-out", type=_FILE, metavar="FILE", help="Examples to measure on; else some are set aside."
)
_BASE = click.option("--base", metavar="ENCODER", help="Where to start; the live encoder if not given.")
_LOSS = click.option(
    "--loss", default="auto", show_default=True, help="auto, in-batch-negatives, contrastive, triplet, cosent, …"
)
_TEACHER = click.option("--teacher", metavar="ENCODER", help="Learn the vectors of another encoder.")
_OPTIONS = click.option(
    "--set", "options", multiple=True, metavar="NAME=VALUE", help="Any other setting, such as temperature=0.02."
)


@command(
    "train",
    examples="""
twinsearch train -c support --mine --name support-1
twinsearch train -c support --from-corpus --name support-0
twinsearch train --pairs pairs.csv --loss contrastive --name pairs-1
twinsearch train --pairs pairs.csv --dry-run""",
)
@collection_option
@click.option("--name", default="", help="What the new encoder is called.")
@with_options(*_SOURCES, _SCORES, _HELD_OUT)
@click.option("--mine", is_flag=True, help="Search the collection for hard negatives.")
@_BASE
@click.option("--from-scratch", type=click.Choice(["lstm"]), help="Start with a small encoder that knows nothing.")
@_TEACHER
@_LOSS
@click.option("--epochs", type=int, help="How often every example is seen.")
@click.option("--batch-size", type=int, help="Examples that are compared with each other.")
@click.option("--learning-rate", type=float, help="At its height.")
@click.option("--max-steps", type=int, help="Stop after so many, whatever the epochs.")
@click.option(
    "--dims", callback=_numbers, metavar="D,…", help="First dimensions that shall serve alone, such as 384,128."
)
@_OPTIONS
@click.option("--dry-run", is_flag=True, help="Only tell what would be learned from, and what is wrong with it.")
@background_option
def train(shell: Shell, *, dry_run: bool, in_background: bool, **asked: Any) -> None:
    """Train an encoder on judgements, on examples or on the documents themselves."""
    from search_app.requests import TrainRequest
    from search_app.twin.processes import is_follower, is_shared

    request = TrainRequest(**asked)
    if dry_run:
        _lint(shell, request)
        return
    if not request.name:
        raise click.UsageError("The new encoder needs a name: give --name NAME.")
    if in_background and is_shared():
        raise click.UsageError("torchrun's processes end with the terminal: leave --background out.")
    if is_follower():
        _follow()
        return
    shell.work(request, lambda report: training_text(report, request.name), in_background=in_background)


def _follow() -> None:
    """Takes part in the training that the first process of torchrun was asked for."""
    from search_app.twin.training import follow

    follow()


def training_text(report: "TrainingReport", name: str) -> str:
    """What was learned from, how it was measured before and after, and what may be done next."""
    learned = (
        f"Encoder {name!r} ({report.fingerprint[:12]}) began as {report.base!r} ({report.base_fingerprint[:12]}) and "
        f"has learned from {report.example_count:,} examples in {report.step_count:,} steps with loss {report.loss!r}."
    )
    lines = [learned, f"Learned from: {counts_text(report.sources)}.", *_measured(report)]
    if report.findings:
        lines.append("Noticed: " + "; ".join(f"{one.what} ({one.count:,})" for one in report.findings) + ".")
    return "\n".join([*lines, f"To use it: `twinsearch reindex COLLECTION --encoder {name} --switch`."])


def _measured(report: "TrainingReport") -> list[str]:
    where = f"on {report.held_out_count:,} held-out examples"
    lines = [
        f"{figure} {where}: {before:.4f} -> {report.after[figure]:.4f}"
        for figure, before in report.before.items()
        if figure in report.after
    ]
    gain = report.gain
    if gain is None:
        return lines
    interval = f" ({gain.after - gain.before:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
    return [line + interval if line.startswith(f"{gain.figure} ") else line for line in lines]


def counts_text(counts: Mapping[str, int]) -> str:
    """For example "judgements 120, mined negatives 480"."""
    return ", ".join(f"{origin} {count:,}" for origin, count in counts.items())


@command(
    "lint",
    examples="""
twinsearch lint pairs.csv
twinsearch lint scores.tsv --score-range 0,5 --held-out dev.tsv""",
)
@click.argument("pairs", metavar="FILE", type=_FILE)
@collection_option
@with_options(_SCORES, _HELD_OUT, _BASE, _TEACHER, _LOSS, _OPTIONS)
def lint(shell: Shell, **asked: Any) -> None:
    """Look for what is wrong with examples before training on them."""
    from search_app.requests import TrainRequest

    _lint(shell, TrainRequest(name="", **asked))


def _lint(shell: Shell, request: "TrainRequest") -> None:
    found = shell.app.lint(request, shell.listen())
    shell.show(found, lambda: lint_text(found))
    if not found.is_trainable:
        raise click.exceptions.Exit(1)


def lint_text(found: "LintReport") -> str:
    """What the examples are, then a table of what is wrong with them."""
    lines = [
        f"{found.example_count:,} examples of {found.shape}, {found.held_out_count:,} more held out. "
        f"From: {counts_text(found.counts)}.",
        *(f"Column {name}: {role}." for name, role in found.columns.items()),
        f"Loss {found.loss!r}: {found.reason}. It begins with encoder {found.base!r}.",
    ]
    head = ("severity", "rule", "count", "what", "such as", "what to do")
    rows = [
        (one.severity.value, one.rule, f"{one.count:,}", one.what, repr(one.sample), one.advice)
        for one in found.findings
    ]
    verdict = "Nothing is wrong with them." if not rows else table(head, rows)
    end = [] if found.is_trainable else ["These examples can't be trained on: mend the errors first."]
    return "\n".join([*lines, verdict, *end])


@command(
    "mine",
    examples="""
twinsearch mine -c support --out support.jsonl
twinsearch mine -c support --pairs pairs.csv --negatives 8 --out pairs-mined.jsonl""",
)
@collection_option
@with_options(*_SOURCES)
@click.option("--out", type=_FILE, metavar="FILE", help="A file that ends in .jsonl; else it lies in the job's folder.")
@click.option("--negatives", type=int, default=4, show_default=True, help="For each answer, at most.")
@click.option("--first-rank", type=int, default=2, show_default=True, help="The first hit that may be a negative.")
@click.option("--last-rank", type=int, default=50, show_default=True, help="The last one.")
@click.option(
    "--margin", type=float, default=0.95, show_default=True, help="Share of the answer's score that none may reach."
)
@background_option
def mine(shell: Shell, *, in_background: bool, **asked: Any) -> None:
    """Write a training file with hard negatives that the collection's search finds."""
    from search_app.requests import MineRequest

    request = MineRequest(**asked)
    shell.work(request, lambda outcome: mined_text(outcome, request.collection), in_background=in_background)


def mined_text(outcome: "MineOutcome", collection: str) -> str:
    """What was written where, and what people should look at."""
    written = (
        f"{outcome.out}: {outcome.example_count:,} examples of {outcome.query_count:,} queries with "
        f"{outcome.negative_count:,} negatives ({counts_text(outcome.counts)})."
    )
    if not outcome.suspected_count:
        return written
    return (
        f"{written}\n{outcome.suspects_file}: {outcome.suspected_count:,} passages that may be answers nobody judged; "
        f"they were left out. The most doubtful are in `twinsearch review list -c {collection}`."
    )


COMMANDS = (train, lint, mine)
