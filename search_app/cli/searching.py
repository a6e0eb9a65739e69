"""The commands that answer queries: search, similar."""

import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from search_app.cli.shell import Shell, collection_option, command, mode_option, to_json_line

if TYPE_CHECKING:
    from search_app.search import Hit, SearchOptions, SearchResult

SCHEMA = 1  # of `search --json`; it changes when a field changes its meaning or goes

Function = TypeVar("Function", bound=Callable[..., Any])

_PASSAGE_CHARACTERS = 240
_SHOWN_PARTS = {"dense": ("encode", "search"), "lexical": ("words",), "hybrid": ("encode", "search", "words")}
_ALSO_SHOWN = 3
_QUERIES_TOGETHER = 1000
_OPTIONS = (
    collection_option,
    click.option("-k", default=10, show_default=True, metavar="N", help="How many documents."),
    click.option(
        "--where", multiple=True, metavar="FILTER", help='Only documents that pass, as in "lang=en and year>=2020".'
    ),
    click.option("--exact", is_flag=True, help="Compare with every vector instead of following a graph."),
    click.option("--min-score", type=float, metavar="SCORE", help="Only hits with at least this score."),
    click.option("--offset", default=0, show_default=True, metavar="N", help="Leave out the first N documents."),
    click.option("--all-copies", is_flag=True, help="Show every one of documents that are nearly the same."),
)


def _search_options(function: Function) -> Function:
    """What every search can be told."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@command(
    "search",
    examples="""
twinsearch search "how do I copy a file and keep its timestamps"
twinsearch search "reset password" -c support -k 5 --where "lang=en and not (year<2020 or exists draft)"
twinsearch search '"error 0x80070005"' --mode lexical
twinsearch search "refund" --json | jq '.hits[0].title'
twinsearch search --combine '"fast car" - racing + 0.5 electric'
twinsearch search --file report.pdf
twinsearch search --batch queries.txt > answers.jsonl""",
)
@click.argument("query", required=False)
@_search_options
@mode_option
@click.option("--combine", is_flag=True, help="Read the query as parts with weights, between + and -.")
@click.option("--file", "example", type=click.Path(path_type=Path), metavar="FILE", help="Search for what a file says.")
@click.option("--batch", type=click.File(encoding="utf-8"), help="A query a line; answers a JSON value a line.")
@click.option("--rerank", metavar="NAME", help="A cross-encoder that orders the first documents anew.")
@click.option("--rerank-top", default=50, show_default=True, metavar="N", help="How many documents it reads.")
@click.option("--rerank-ms", default=500.0, show_default=True, metavar="MS", help="How long it may take.")
def search(
    shell: Shell, query: str | None, *, example: Path | None, batch: TextIO | None, combine: bool, **asked: Any
) -> None:
    """Find the documents that answer a query."""
    if sum(one is not None for one in (query, example, batch)) != 1:
        raise click.UsageError("Give one of: a query, --file FILE, --batch FILE.")
    collection = asked.pop("collection")
    options = _options(**asked)
    if batch is not None:
        _answer_batch(shell, batch, collection, options)
    elif example is not None:
        _show(shell, shell.app.search_like_file(example, collection, options))
    elif combine:
        _show(shell, shell.app.search_combined(query or "", collection, options))
    else:
        _show(shell, shell.app.search_many([query or ""], collection, options)[0])


@command("similar", examples="twinsearch similar notes/cat.txt\ntwinsearch similar shutil.copy2 -c python -k 5")
@click.argument("document_id", metavar="DOCUMENT_OR_CHUNK")
@_search_options
def similar(shell: Shell, document_id: str, collection: str, **asked: Any) -> None:
    """Find the documents that are nearest to one of the collection."""
    _show(shell, shell.app.similar(document_id, collection, _options(**asked)))


def _options(**asked: Any) -> "SearchOptions":
    from search_app.app.searching import all_of
    from search_app.retrieval import mode_of
    from search_app.search import Rerank, SearchOptions

    rerank, top, milliseconds = (asked.pop(name, None) for name in ("rerank", "rerank_top", "rerank_ms"))
    return SearchOptions(
        where=all_of(asked.pop("where")),
        mode=mode_of(asked.pop("mode", None)),
        collapse=not asked.pop("all_copies"),
        rerank=Rerank(rerank, top, milliseconds) if rerank else None,
        **asked,
    )


def _show(shell: Shell, result: "SearchResult") -> None:
    shell.show(result_json(result), lambda: result_text(result))
    if sentence := shell.app.unfinished(result.collection):
        click.echo(sentence, err=True)


def _answer_batch(shell: Shell, batch: TextIO, collection: str, options: "SearchOptions") -> None:
    """Each answer on a line of its own, whatever --json says; nothing is printed for queries behind a bad one."""
    queries = _queries(batch)
    while some := list(islice(queries, _QUERIES_TOGETHER)):
        for result in shell.app.search_many(some, collection, options):
            click.echo(to_json_line(result_json(result)))


def _queries(batch: TextIO) -> Iterator[str]:
    """The queries of a file: lines of text, or JSON objects with a text; empty lines are none.

    Raises:
        QueryError: A line can't be read, or holds no query.
    """
    from search_app.errors import QueryError
    from search_app.search import check_query

    lines = enumerate(_decoded(batch), 1)
    for number, line in lines:
        if not line.strip():
            continue
        query = _query_of(line.strip())
        try:
            check_query(query or "")
        except QueryError as error:
            raise QueryError(f"Line {number} of {batch.name!r} holds no query: {error}") from error
        yield query or ""


def _decoded(batch: TextIO) -> Iterator[str]:
    from search_app.errors import QueryError

    try:
        yield from batch
    except UnicodeDecodeError as error:
        raise QueryError(f"{batch.name!r} isn't UTF-8 ({error.reason}). Convert it first.") from error


def _query_of(line: str) -> str | None:
    """The text of a JSON object that has one; any other line is a query itself."""
    if not line.startswith("{"):
        return line
    try:
        text = json.loads(line).get("text")
    except (ValueError, RecursionError):
        return line
    return text if isinstance(text, str) else line


def result_json(result: "SearchResult") -> dict[str, Any]:
    """The result as `search --json` promises it."""
    return {
        "schema": SCHEMA,
        "query": result.query,
        "collection": result.collection,
        "generation": result.generation,
        "encoder": {"name": result.encoder.name, "fingerprint": result.encoder.fingerprint},
        "mode": result.mode,
        "fusion": result.fusion,
        "rerank": result.rerank,
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
    stage = [result.rerank.sentence] if result.rerank else []
    return "\n".join([*blocks, last, *stage])


def hit_text(hit: "Hit") -> str:
    """Rank, score and title, then the start of the passage, then where it is from."""
    passage = textwrap.shorten(hit.text, _PASSAGE_CHARACTERS, placeholder=" …")
    body = textwrap.indent(textwrap.fill(passage, 96), "    ")
    page = f", page {hit.page}" if hit.page else ""
    more = f" and {hit.more_passages} more passages" if hit.more_passages else ""
    copies = f", {hit.copies} more nearly the same" if hit.copies else ""
    where = f"    {hit.source}{page}{more}{copies}\n{_also_text(hit.also_at)}"
    return f"{hit.rank:>2}. {hit.score:.3f}  {hit.title or hit.document_id}\n{body}\n{where}"


def _also_text(sources: Sequence[str]) -> str:
    if not sources:
        return ""
    rest = f" and {len(sources) - _ALSO_SHOWN} more" if len(sources) > _ALSO_SHOWN else ""
    return f"    also at {', '.join(sources[:_ALSO_SHOWN])}{rest}\n"


COMMANDS = (search, similar)
