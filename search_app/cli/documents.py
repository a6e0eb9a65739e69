"""Commands about single documents: documents list, failed, show, remove."""

from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, collection_option, command
from search_app.cli.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.sink import FileOutcome
    from search_app.catalog.listing import ListedDocument
    from search_app.documents import DocumentView

_HEAD_CHARACTERS = 1000
_CHUNK_CHARACTERS = 60


@click.group("documents")
def documents() -> None:
    """List, show or remove single documents, and tell what failed."""


@command(
    "list",
    examples="""
twinsearch documents list -c support
twinsearch documents list --source 'manual/*.md' --offset 50
twinsearch documents list --truncated""",
)
@collection_option
@click.option("--source", metavar="PATTERN", help="Only those whose id or source matches; * and ? stand for others.")
@click.option("--state", type=click.Choice(["committed", "pending"]), help="Only those in this state.")
@click.option("--truncated", is_flag=True, help="Only those of which the encoder didn't see all.")
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0), help="How many to leave out.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many to show.")
def list_documents(shell: Shell, *, collection: str, offset: int, limit: int, **asked: Any) -> None:
    """Show documents and their copies in the order in which they came in."""
    from search_app.catalog.listing import DocumentState, ListingFilter, Page

    state = DocumentState(asked["state"]) if asked["state"] else None
    which = ListingFilter(asked["source"], state, is_truncated=asked["truncated"])
    found = shell.app.documents(collection, which, Page(offset, limit))
    shell.show(found, lambda: documents_table(found))


def documents_table(found: "Sequence[ListedDocument]") -> str:
    """One row a document."""
    rows = [
        (
            one.id,
            one.title,
            f"copy of {one.original_id}" if one.original_id else one.state.value,
            f"{one.chunk_count:,}",
            f"{one.truncated_tokens:,}",
        )
        for one in found
    ]
    return table(("document", "title", "state", "chunks", "tokens not seen"), rows)


@command("failed", examples="twinsearch documents failed -c support")
@collection_option
def failed_documents(shell: Shell, *, collection: str) -> None:
    """Show what the last ingest could not take in, and why; the next one tries it again."""
    found = shell.app.failed_files(collection)
    shell.show(found, lambda: "\n".join(failure_lines(found)) or "(none)")


def failure_lines(found: "Sequence[FileOutcome]") -> "Iterator[str]":
    """A line for each failure that is known, and one for those of a file that were only counted."""
    for file in found:
        yield from (failure.sentence for failure in file.failures)
        if more := file.failed_count - len(file.failures):
            yield f"{more:,} more of {file.source!r} failed."


@command("show", examples="twinsearch documents show notes/plan.md -c notes")
@click.argument("document_id", metavar="ID")
@collection_option
def show_document(shell: Shell, *, document_id: str, collection: str) -> None:
    """Show one document: where it is from, its metadata, the beginning of its text, chunks and copies."""
    view = shell.app.document(document_id, collection)
    shell.show(view, lambda: document_text(view))


def document_text(view: "DocumentView") -> str:
    """The document's facts, a line each, then its text, then its chunks."""
    document = view.document
    facts = {
        "id": document.id,
        "title": document.title,
        "file": document.origin,
        "state": view.state.value,
        "copy of": view.original_id,
        "also at": ", ".join(alias.id for alias in view.aliases if alias.id != document.id),
        "nearly the same as": ", ".join(view.near),
        **document.metadata,
    }
    lines = [f"{name}: {value}" for name, value in facts.items() if value not in (None, "")]
    shown = document.text[:_HEAD_CHARACTERS]
    left = len(document.text) - len(shown)
    lines += ["", shown + (f"… ({left:,} characters more)" if left else ""), ""]
    rows = [
        (
            str(chunk.ordinal),
            f"{chunk.start:,}-{chunk.end:,}",
            str(chunk.token_count),
            " > ".join(chunk.headings),
            " ".join(chunk.text[:_CHUNK_CHARACTERS].split()),
        )
        for chunk in view.chunks
    ]
    return "\n".join([*lines, table(("chunk", "characters", "tokens", "under", "begins"), rows)])


@command(
    "remove",
    examples="""
twinsearch documents remove notes/plan.md -c notes
twinsearch documents remove 'drafts/*' --yes""",
)
@click.argument("names", nargs=-1, required=True, metavar="ID_OR_PATTERN...")
@collection_option
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove_documents(shell: Shell, *, names: tuple[str, ...], collection: str, yes: bool) -> None:
    """Remove documents with their texts and vectors; files that stay come in again with the next ingest."""
    ids = shell.app.find_documents(names, collection)
    if not yes:
        named = f"document {ids[0]!r}" if len(ids) == 1 else f"{len(ids):,} documents"
        click.confirm(f"Remove {named} from collection {collection!r}?", abort=True, err=True)
    count = shell.app.remove_documents(ids, collection)
    shell.show({"removed": count}, lambda: f"{count:,} removed.")


for member in (list_documents, failed_documents, show_document, remove_documents):
    documents.add_command(member)

COMMANDS = (documents,)
