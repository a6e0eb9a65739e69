"""Commands that bring documents in and take them out: ingest, collections."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, background_option, collection_option, command
from search_app.cli.tables import table
from search_app.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.summary import IngestSummary
    from search_app.status import CollectionStatus

_PARTLY_DONE = 3


@command(
    "ingest",
    examples="""
twinsearch ingest ~/notes
twinsearch ingest manual/ faq.csv -c support --prune
twinsearch ingest 'reports/*.pdf' @more-paths.txt -c reports
twinsearch ingest tickets.csv -c tickets --text-column body --title-column subject
twinsearch ingest corpus.jsonl -c scifact --whole
twinsearch ingest contracts/ -c contracts --chunk-tokens 128 --chunk-overlap 16
produce-rows | twinsearch ingest - -c rows""",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@collection_option
@click.option("--prune", is_flag=True, help="Remove documents that are gone from these paths.")
@click.option("--again", is_flag=True, help="Read every file, also those that haven't changed.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.IntRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait so long for another writer to end.",
)
@click.option("--whole", is_flag=True, help="One chunk a document; what the encoder can't read is counted.")
@click.option("--chunk-tokens", type=int, metavar="N", help="Tokens that a chunk of a new collection may have.")
@click.option("--chunk-overlap", type=int, metavar="N", help="Tokens that it repeats of the chunk before.")
@click.option("--encoder", metavar="NAME", help="The encoder of a new collection.")
@click.option("--precision", metavar="NAME", help="In which it runs: auto, fp32, bf16, fast-fp32, fast-bf16.")
@click.option("--id-column", metavar="NAME", help="The column of a table that identifies a row.")
@click.option("--title-column", metavar="NAME", help="The column of a table that holds the titles.")
@click.option("--text-column", metavar="NAME", help="The column of a table that holds the texts.")
@click.option("--metadata-columns", metavar="NAME,NAME", help="The columns to keep beside; all others if not given.")
@background_option
def ingest(
    shell: Shell, *, paths: tuple[str, ...], metadata_columns: str | None, in_background: bool, **asked: Any
) -> int:
    """Load files, folders, archives, patterns, a list of paths (@FILE) or JSON lines from standard input (-)."""
    from search_app.requests import IngestRequest

    kept = None if metadata_columns is None else tuple(metadata_columns.split(","))
    if in_background and "-" in paths:
        raise click.UsageError("Standard input ends with the terminal: keep it in a file, or leave --background out.")
    with ExitStack() as held:
        places = tuple(_place(path, shell, held, asked) for path in dict.fromkeys(paths))  # `-` can be read once
        request = IngestRequest(places, metadata_columns=kept, **asked)
        if sentence := shell.app.unfinished(request.collection):
            click.echo(sentence, err=True)
        if in_background:
            shell.begin(request)
            return 0
        summary = shell.app.run(request, shell.listen())
    for line in trouble_lines(summary):
        click.echo(line, err=True)
    shell.show(summary, lambda: summary_line(summary, request.collection))
    return _PARTLY_DONE if summary.failed else 0


def _place(path: str, shell: Shell, held: ExitStack, asked: Mapping[str, Any]) -> str:
    """A path as a job can read it wherever it runs: absolute, standard input as a file of the home that is held."""
    if path == "-":
        lines = shell.app.take_in(sys.stdin.buffer, asked["collection"], wait_seconds=asked["wait_seconds"])
        return str(held.enter_context(lines))
    sign = path[: path.startswith("@")]  # it stays at the name: /folder/@list.txt
    absolute = _absolute(path.removeprefix(sign))
    return str(absolute.parent / f"{sign}{absolute.name}")


def _absolute(path: str) -> Path:
    if not path:  # a variable that isn't set; as a path it would be the folder at hand
        raise UsageError("A path is empty. Name a file or a folder; `.` is the folder at hand.")
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"There is no home for {path!r}. Write the path out.") from error


def trouble_lines(summary: "IngestSummary") -> list[str]:
    """What failed, how tables were read, and what the encoder can't see, a line each."""
    return [
        *(f"failed: {failure.sentence}" for failure in summary.failed),
        *(str(read) for read in summary.tables),
        *(f"not all seen: {lost.document_id}: {lost.tokens:,} tokens" for lost in summary.truncated),
    ]


def summary_line(summary: "IngestSummary", collection: str) -> str:
    """The one line that an ingest ends with."""
    counts = f"{summary.new:,} new, {summary.changed:,} changed, {summary.unchanged:,} unchanged"
    rest = f"{summary.removed:,} removed, {summary.failed_count:,} failed"
    cut = f"; {summary.truncated_tokens:,} tokens are beyond what the encoder reads" if summary.truncated_tokens else ""
    kinds = ", ".join(f"{kind or 'names without an ending'} {count:,}" for kind, count in summary.skipped)
    skipped = f"; left out: {kinds}" if kinds else ""
    chunks = f"{summary.chunk_count:,} chunk{'' if summary.chunk_count == 1 else 's'}"
    return f"{collection}: {counts}, {rest} ({chunks}, {summary.seconds:.1f} s{cut}{skipped})"


@click.group("collections")
def collections() -> None:
    """List or drop collections."""


@command("list", examples="twinsearch collections list --json")
def list_collections(shell: Shell) -> None:
    """Show every collection with its counts and its live generation."""
    status = shell.app.status().collections
    shell.show(status, lambda: collections_table(status))


@command("drop", examples="twinsearch collections drop support --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
def drop_collection(shell: Shell, name: str, yes: bool) -> None:
    """Forget a collection with its documents, vectors and judgements; there is no way back."""
    shell.app.catalog.collections.get(name)
    if not yes:
        click.confirm(f"Forget collection {name!r} with its documents and judgements for good?", abort=True, err=True)
    shell.app.drop_collection(name)
    shell.show({"dropped": name}, lambda: f"Collection {name!r} is gone.")


def collections_table(collections_status: "Sequence[CollectionStatus]") -> str:
    """One row a collection."""
    rows = [
        (
            one.name,
            f"{one.document_count:,}",
            f"{one.chunk_count:,}",
            str(one.live.number) if one.live else "-",
            one.live.encoder_name if one.live else "-",
            one.live.fingerprint[:12] if one.live else "-",
        )
        for one in collections_status
    ]
    return table(("collection", "documents", "chunks", "generation", "encoder", "fingerprint"), rows)


collections.add_command(list_collections)
collections.add_command(drop_collection)

COMMANDS = (ingest, collections)
