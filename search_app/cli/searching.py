"""The command that answers queries."""

import textwrap
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, collection_option, command, mode_option

if TYPE_CHECKING:
    from search_app.search import Hit, SearchResult

SCHEMA = 1  # of `search --json`; it changes when a field changes its meaning or goes

_PASSAGE_CHARACTERS = 240
_SHOWN_PARTS = {"dense": ("encode", "search"), "lexical": ("words",), "hybrid": ("encode", "search", "words")}


@command(
    "search",
    examples="""
twinsearch search "how do I copy a file and keep its timestamps"
twinsearch search "reset password" -c support -k 5 --where lang=en
twinsearch search '"error 0x80070005"' --mode lexical
twinsearch search "refund" --json | jq '.hits[0].title'""",
)
@click.argument("query")
@collection_option
@click.option("-k", default=10, show_default=True, metavar="N", help="How many documents.")
@click.option("--where", multiple=True, metavar="FIELD=VALUE", help="Only documents for which this holds.")
@mode_option
@click.option("--exact", is_flag=True, help="Compare with every vector instead of following a graph.")
@click.option("--min-score", type=float, metavar="SCORE", help="Only hits with at least this score.")
@click.option("--offset", default=0, show_default=True, metavar="N", help="Leave out the first N documents.")
def search(shell: Shell, query: str, **asked: Any) -> None:
    """Find the documents that answer a query."""
    from search_app.search import SearchOptions

    options = SearchOptions(**{name: asked.pop(name) for name in ("exact", "min_score", "offset")})
    result = shell.app.search(query, options=options, **asked)
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
    parts = ", ".join(f"{part} {took[part]:.0f} ms" for part in _SHOWN_PARTS[result.mode])
    hits = f"{len(result.hits)} {result.mode} hits"
    last = f"{hits} from generation {result.generation} of {result.collection!r} ({parts})"
    return "\n".join([*blocks, last])


def hit_text(hit: "Hit") -> str:
    """Rank, score and title, then the start of the passage, then where it is from."""
    passage = textwrap.shorten(hit.text, _PASSAGE_CHARACTERS, placeholder=" …")
    body = textwrap.indent(textwrap.fill(passage, 96), "    ")
    page = f", page {hit.page}" if hit.page else ""
    more = f" and {hit.more_passages} more passages" if hit.more_passages else ""
    return f"{hit.rank:>2}. {hit.score:.3f}  {hit.title or hit.document_id}\n{body}\n    {hit.source}{page}{more}\n"


COMMANDS = (search,)
