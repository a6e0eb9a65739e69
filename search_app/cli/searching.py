"""The commands that answer queries: search, similar."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from search_app.cli.hits import result_json, result_text
from search_app.cli.shell import Shell, collection_option, command, mode_option, to_json_line

if TYPE_CHECKING:
    from search_app.search import SearchOptions, SearchResult

Function = TypeVar("Function", bound=Callable[..., Any])

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
    click.option("--explain", "is_explaining", is_flag=True, help="Tell why each document was found."),
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
    collection, is_explaining = asked.pop("collection"), asked.pop("is_explaining")
    options, query = _options(**asked), _printable(query or "")
    if batch is not None:
        _answer_batch(shell, batch, collection, options, is_explaining=is_explaining)
        return
    if example is not None:
        result = shell.app.search_like_file(example, collection, options)
    elif combine:
        result = shell.app.search_combined(query, collection, options)
    else:
        result = shell.app.search_many([query], collection, options)[0]
    _show(shell, result, is_explaining=is_explaining)


@command("similar", examples="twinsearch similar notes/cat.txt\ntwinsearch similar shutil.copy2 -c python -k 5")
@click.argument("document_id", metavar="DOCUMENT_OR_CHUNK")
@_search_options
def similar(shell: Shell, document_id: str, collection: str, is_explaining: bool, **asked: Any) -> None:
    """Find the documents that are nearest to one of the collection."""
    _show(shell, shell.app.similar(document_id, collection, _options(**asked)), is_explaining=is_explaining)


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


def _printable(query: str) -> str:
    """The query with "?" in place of bytes that aren't UTF-8, which no answer could be printed with."""
    return query.encode("utf-8", "replace").decode("utf-8")


def _show(shell: Shell, result: "SearchResult", *, is_explaining: bool) -> None:
    explanations = shell.app.explain_all(result) if is_explaining else ()
    shell.show(result_json(result, explanations), lambda: result_text(result, explanations))
    if sentence := shell.app.unfinished(result.collection):
        click.echo(sentence, err=True)


def _answer_batch(
    shell: Shell, batch: TextIO, collection: str, options: "SearchOptions", *, is_explaining: bool
) -> None:
    """Each answer on a line of its own, whatever --json says; nothing is printed for queries behind a bad one."""
    queries = _queries(batch)
    while some := list(islice(queries, _QUERIES_TOGETHER)):
        for result in shell.app.search_many(some, collection, options):
            explanations = shell.app.explain_all(result) if is_explaining else ()
            click.echo(to_json_line(result_json(result, explanations)))


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


COMMANDS = (search, similar)
