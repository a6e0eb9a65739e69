"""Commands about what people think of the answers: judge, judgements."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, collection_option, command
from search_app.cli.tables import moment, table

if TYPE_CHECKING:  # opening the application is left to the command that runs
    from search_app.agreement import Agreement


@command(
    "judge",
    examples="""
twinsearch judge "copy a file and keep its timestamps" shutil.copy2 --grade 3
twinsearch judge "copy a file and keep its timestamps" shutil.move --grade 0""",
)
@click.argument("query")
@click.argument("document_id")
@click.option("--grade", type=int, required=True, metavar="0..3", help="0 is no answer, 3 the best one.")
@collection_option
def judge(shell: Shell, query: str, document_id: str, grade: int, collection: str) -> None:
    """Say how well a document answers a query."""
    number = shell.app.judge(query, document_id, grade, collection=collection)
    undo = f"`twinsearch judgements withdraw {number}` takes it back."
    told = f"Judgement {number}: {document_id} has grade {grade} for {query!r}. {undo}"
    shell.show({"judgement": number}, lambda: told)


@click.group("judgements")
def judgements() -> None:
    """List, compare, withdraw, import or export judgements."""


_FORM = click.option(
    "--form",
    type=click.Choice(["beir", "trec", "csv"]),
    default="beir",
    show_default=True,
    help="How the files are laid out; csv holds all that is known of each judgement.",
)


@command("list", examples="twinsearch judgements list -c support")
@collection_option
def list_judgements(shell: Shell, collection: str) -> None:
    """Show the judgements that count: the latest of each person on each document for each query."""
    current = shell.app.judgements(collection)
    head = ("id", "grade", "document", "query", "split", "user", "when")
    shell.show(
        current,
        lambda: table(
            head,
            [
                (
                    str(one.id),
                    str(one.grade),
                    one.document_id,
                    one.query,
                    one.split.value,
                    one.user,
                    moment(one.created_at),
                )
                for one in current
            ],
        ),
    )


@command("conflicts", examples="twinsearch judgements conflicts -c support")
@collection_option
def list_conflicts(shell: Shell, collection: str) -> None:
    """Show how far people agree on what several of them judged, and where they contradict each other."""
    found = shell.app.agreement(collection)
    shell.show(found, lambda: agreement_text(found))


def agreement_text(found: "Agreement") -> str:
    """A row for each two people, then one for each contradiction."""
    if not found.pairs:
        return "No two people have judged the same document for the same query."
    pairs = [
        (one.first, one.second, str(one.shared_count), f"{one.equal_share:.0%}", _kappa(one.kappa))
        for one in found.pairs
    ]
    told = table(("one", "other", "both judged", "same grade", "kappa"), pairs)
    if not found.conflicts:
        return f"{told}\n\nNobody contradicts anybody."
    rows = [
        (one.query, one.document_id, ", ".join(f"{user} {grade}" for user, grade in one.grades))
        for one in found.conflicts
    ]
    return f"{told}\n\n{table(('query', 'document', 'grades'), rows)}"


def _kappa(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


@command("withdraw", examples="twinsearch judgements withdraw 17")
@click.argument("judgement_id", type=int)
def withdraw(shell: Shell, judgement_id: int) -> None:
    """Take a judgement back."""
    shell.app.withdraw(judgement_id)
    shell.show({"withdrawn": judgement_id}, lambda: f"Judgement {judgement_id} is withdrawn.")


@command(
    "import",
    examples="""
twinsearch judgements import qrels/train.tsv --queries queries.jsonl -c support --split train
twinsearch judgements import train.qrels --queries queries.tsv --form trec -c support
twinsearch judgements import judgements.csv --form csv -c support""",
)
@click.argument("qrels", type=click.Path(path_type=Path))
@click.option("--queries", type=click.Path(path_type=Path), help="The queries' texts: JSON lines, for trec with tabs.")
@collection_option
@_FORM
@click.option(
    "--split",
    type=click.Choice(["train", "heldout"]),
    help="Where the queries belong; without it, one in four is held out.",
)
def import_judgements(
    shell: Shell, qrels: Path, queries: Path | None, collection: str, form: str, split: str | None
) -> None:
    """Take in judgements that were made elsewhere."""
    from search_app.catalog.judgements import Split

    given = Split(split) if split else None
    count = shell.app.import_judgements(queries, qrels, collection=collection, split=given, form=form)
    catalog = shell.app.catalog
    queries_of = catalog.judgements.counts(catalog.collections.get(collection).id).query_counts
    stand = f"{queries_of[Split.TRAIN]:,} to train on, {queries_of[Split.HELDOUT]:,} held out"
    text = f"{count:,} judgements imported into {collection!r}, which has judged queries now: {stand}."
    shell.show({"imported": count, "query_counts": queries_of}, lambda: text)


@command(
    "export",
    examples="""
twinsearch judgements export judged/ -c support
twinsearch judgements export judged/ -c support --form csv""",
)
@click.argument("folder", type=click.Path(path_type=Path))
@collection_option
@_FORM
def export_judgements(shell: Shell, folder: Path, collection: str, form: str) -> None:
    """Write the judgements into a folder."""
    written = [str(path) for path in shell.app.export_judgements(folder, collection=collection, form=form)]
    shell.show({"written": written}, lambda: "\n".join(written))


for one in (list_judgements, list_conflicts, withdraw, import_judgements, export_judgements):
    judgements.add_command(one)

COMMANDS = (judge, judgements)
