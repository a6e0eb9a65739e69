"""The commands that measure searches on judged queries: evaluate, compare."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search_app.cli.shell import Shell, background_option, collection_option, command, mode_option
from search_app.cli.tables import table

if TYPE_CHECKING:
    from search_app.evaluation import Comparison, Evaluation
    from search_app.evaluation.comparison import Pair

Function = TypeVar("Function", bound=Callable[..., Any])

_FILE = click.Path(resolve_path=True)  # absolute: the job that reads it may run elsewhere, and later
_QUERY_CHARACTERS = 60
_MOVED_SHOWN = 5
_JUDGED = (
    click.option("--queries", type=_FILE, metavar="FILE", help="JSON lines with _id and text."),
    click.option("--qrels", type=_FILE, metavar="FILE", help="Tab-separated query-id, corpus-id, score."),
    click.option("--beir", type=_FILE, metavar="FOLDER", help="A folder with queries.jsonl and qrels/ instead."),
    click.option("--split", default="test", show_default=True, metavar="NAME", help="Which qrels of that folder."),
    click.option("--exact", is_flag=True, help="Compare with every vector instead of following a graph."),
)


def _judged_options(function: Function) -> Function:
    """Where judged queries are from; without any of these, the collection's held-out judgements."""
    for option in reversed(_JUDGED):
        function = option(function)
    return function


@command(
    "evaluate",
    examples="""
twinsearch evaluate -c support
twinsearch evaluate -c scifact --beir data/scifact --split test --mode dense
twinsearch evaluate -c scifact --queries queries.jsonl --qrels qrels/test.tsv --metrics "nDCG@10,AP,P@5"
twinsearch evaluate -c support --mode lexical --per-query values.csv --run lexical.trec""",
)
@collection_option
@click.option("--generation", type=int, metavar="NUMBER", help="Another generation than the live one.")
@mode_option
@_judged_options
@click.option("--metrics", metavar="NAMES", help="Of nDCG@k, RR@k, AP, R@k, P@k, Success@k; with commas between.")
@click.option("--per-query", type=_FILE, metavar="FILE", help="Write each query's values: .csv, .tsv or .jsonl.")
@click.option("--run", "run_file", type=_FILE, metavar="FILE", help="Write what was found as a run file of TREC.")
@background_option
def evaluate(shell: Shell, *, metrics: str | None, in_background: bool, **asked: Any) -> None:
    """Measure how well a collection answers judged queries."""
    from search_app.requests import EvaluateRequest

    names = tuple(name.strip() for name in (metrics or "").split(",") if name.strip())
    shell.work(EvaluateRequest(metrics=names, **asked), evaluation_text, in_background=in_background)


def evaluation_text(evaluation: "Evaluation") -> str:
    """One line: the metrics, then what they are of."""
    figures = "  ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items())
    return (
        f"{figures}  ({evaluation.query_count} queries, {evaluation.mode}, generation "
        f"{evaluation.generation} of {evaluation.collection!r}, encoder {evaluation.encoder})"
    )


@command(
    "compare",
    examples="""
twinsearch compare dense hybrid -c support
twinsearch compare 1:dense 2:dense -c support --chart compared.svg
twinsearch compare support-1 support-2 -c support --metric RR@10
twinsearch compare dense lexical bm25.trec -c scifact --beir data/scifact""",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@collection_option
@_judged_options
@click.option("--metric", default="nDCG@10", show_default=True, metavar="NAME", help="What is compared.")
@click.option("--chart", type=_FILE, metavar="FILE", help="Draw the comparison: .svg or .html.")
@background_option
def compare(shell: Shell, *, in_background: bool, **asked: Any) -> None:
    """Compare ways to search on the same judged queries.

    A RUN is a mode (dense), a generation (2, 2:dense), an encoder (support-1, support-1:dense) or a run file of TREC.
    """
    from search_app.requests import CompareRequest

    shell.work(CompareRequest(**asked), comparison_text, in_background=in_background)


def comparison_text(comparison: "Comparison") -> str:
    """A table of the runs, then every pair, then the queries that the first pair moves most."""
    rows = [
        (run.name, f"{run.mean:.4f}", f"{run.low:.4f} to {run.high:.4f}", f"{run.unjudged:.0%}", run.answered_by)
        for run in comparison.runs
    ]
    head = f"{comparison.metric} on {comparison.query_count:,} judged queries of {comparison.collection!r}"
    means = table(("run", "mean", "95 % interval", "unjudged@10", "answered by"), rows)
    pairs = [_pair_text(pair, are_several=len(comparison.pairs) > 1) for pair in comparison.pairs]
    moved = [
        f"  {one.before:.2f} -> {one.after:.2f}  {one.query[:_QUERY_CHARACTERS]}"
        for one in comparison.pairs[0].moved[:_MOVED_SHOWN]
    ]
    first = comparison.pairs[0]
    last = [f"Most moved from {first.first} to {first.second}:", *moved] if moved else []
    return "\n".join([head, "", means, "", *pairs, *last])


def _pair_text(pair: "Pair", *, are_several: bool) -> str:
    p_value = pair.corrected_p
    doubt = "no query differs" if p_value is None else f"p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}"
    holm = " after Holm's correction" if are_several and p_value is not None else ""
    figures = f"{pair.difference:+.4f} ({pair.low:+.4f} to {pair.high:+.4f}; {doubt}{holm}"
    counts = f"{pair.wins} better, {pair.ties} equal, {pair.losses} worse)"
    return f"{pair.second} against {pair.first}: {figures}; {counts}"


COMMANDS = (evaluate, compare)
