"""The command that answers queries."""

import textwrap
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, collection_option, command

if TYPE_CHECKING:
    from search_app.search import Hit, SearchResult

SCHEMA = 1  # of `search --json`; it changes when a field changes its meaning or goes

_PASSAGE_CHARACTERS = 240


@command(
    "search",
    examples="""
twinsearch search "how do I copy a file and keep its timestamps"
twinsearch search "reset password" -c support -k 5 --where lang=en
twinsearch search "refund" --json | jq '.hits[0].title'""",
)
@click.argument("query")
@collection_option
@click.option("-k", "hit_count", default=10, show_default=True, metavar="N", help="How many documents.")
@click.option("--where", multiple=True, metavar="FIELD=VALUE", help="Only documents for which this holds.")
def search(shell: Shell, query: str, collection: str, hit_count: int, where: tuple[str, ...]) -> None:
    """Find the documents that answer a query."""
    result = shell.app.search(query, collection, k=hit_count, where=where)
    shell.show(result_json(result), lambda: result_text(result))


def result_json(result: "SearchResult") -> dict[str, Any]:
    """The result as `search --json` promises it."""
    return {
        "schema": SCHEMA,
        "query": result.query,
        "collection": result.collection,
        "generation": result.generation,
        "encoder": {"name": result.encoder.name, "fingerprint": result.encoder.fingerprint},
        "mode": result.mode,
        "took_ms": dict(result.took_ms),
        "hits": list(result.hits),
    }


def result_text(result: "SearchResult") -> str:
    """The hits for reading."""
    if not result.hits:
        return f"Nothing found in {result.collection!r}."
    blocks = [hit_text(hit) for hit in result.hits]
    took = result.took_ms
    parts = f"encode {took['encode']:.0f} ms, search {took['search']:.0f} ms"
    last = f"{len(result.hits)} hits from generation {result.generation} of {result.collection!r} ({parts})"
    return "\n".join([*blocks, last])


def hit_text(hit: "Hit") -> str:
    """Rank, score and title, then the start of the passage, then where it is from."""
    passage = textwrap.shorten(hit.text, _PASSAGE_CHARACTERS, placeholder=" …")
    body = textwrap.indent(textwrap.fill(passage, 96), "    ")
    page = f", page {hit.page}" if hit.page else ""
    return f"{hit.rank:>2}. {hit.score:.3f}  {hit.title or hit.document_id}\n{body}\n    {hit.source}{page}\n"


COMMANDS = (search,)
