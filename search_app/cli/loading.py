"""Commands that bring documents in and take them out: ingest, collections."""

from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, collection_option, command
from search_app.cli.tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.pipeline import IngestSummary
    from search_app.status import CollectionStatus

_PARTLY_DONE = 3


@command(
    "ingest",
    examples="""
twinsearch ingest ~/notes
twinsearch ingest manual/ faq.csv -c support --prune
twinsearch ingest corpus.jsonl -c scifact --whole""",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@collection_option
@click.option("--prune", is_flag=True, help="Remove documents that are gone from these paths.")
@click.option("--whole", is_flag=True, help="One chunk a document; what the encoder can't read is counted.")
@click.option("--encoder", metavar="NAME", help="The encoder of a new collection.")
def ingest(shell: Shell, paths: tuple[str, ...], collection: str, prune: bool, whole: bool, encoder: str | None) -> int:
    """Load files and folders into a collection; only what is new or changed costs anything."""
    from pathlib import Path

    from search_app.requests import IngestRequest

    absolute = tuple(str(Path(path).expanduser().absolute()) for path in paths)
    request = IngestRequest(absolute, collection, prune, whole, encoder)
    summary = shell.app.run(request, shell.listen())
    for failure in summary.failed:
        click.echo(f"failed: {failure.source}: {failure.reason}", err=True)
    shell.show(summary, lambda: summary_line(summary, collection))
    return _PARTLY_DONE if summary.failed else 0


def summary_line(summary: "IngestSummary", collection: str) -> str:
    """The one line that an ingest ends with."""
    counts = f"{summary.new:,} new, {summary.changed:,} changed, {summary.unchanged:,} unchanged"
    rest = f"{summary.removed:,} removed, {len(summary.failed):,} failed"
    cut = f"; {summary.truncated_tokens:,} tokens are beyond what the encoder reads" if summary.truncated_tokens else ""
    return f"{collection}: {counts}, {rest} ({summary.chunk_count:,} chunks, {summary.seconds:.1f} s{cut})"


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
