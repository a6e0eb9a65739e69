"""Commands about what people think of the answers: judge, judgements."""

from pathlib import Path

import click

from search_app.cli.shell import Shell, collection_option, command
from search_app.cli.tables import moment, table


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
    shell.show({"judgement": number}, lambda: f"Judgement {number}: {document_id} has grade {grade} for {query!r}.")


@click.group("judgements")
def judgements() -> None:
    """List, withdraw, import or export judgements."""


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


@command("withdraw", examples="twinsearch judgements withdraw 17")
@click.argument("judgement_id", type=int)
def withdraw(shell: Shell, judgement_id: int) -> None:
    """Take a judgement back."""
    shell.app.withdraw(judgement_id)
    shell.show({"withdrawn": judgement_id}, lambda: f"Judgement {judgement_id} is withdrawn.")


@command(
    "import",
    examples="twinsearch judgements import qrels/train.tsv --queries queries.jsonl -c support --split train",
)
@click.argument("qrels", type=click.Path(path_type=Path))
@click.option("--queries", type=click.Path(path_type=Path), required=True, help="JSON lines with _id and text.")
@collection_option
@click.option(
    "--split",
    type=click.Choice(["train", "heldout"]),
    help="Where the queries belong; without it, one in four is held out.",
)
def import_judgements(shell: Shell, qrels: Path, queries: Path, collection: str, split: str | None) -> None:
    """Take in judged queries in the layout of BEIR."""
    from search_app.catalog.judgements import Split

    count = shell.app.import_judgements(queries, qrels, collection=collection, split=Split(split) if split else None)
    shell.show({"imported": count}, lambda: f"{count:,} judgements imported into {collection!r}.")


@command("export", examples="twinsearch judgements export judged/ -c support")
@click.argument("folder", type=click.Path(path_type=Path))
@collection_option
def export_judgements(shell: Shell, folder: Path, collection: str) -> None:
    """Write the judgements in the layout of BEIR."""
    written = [str(path) for path in shell.app.export_judgements(folder, collection=collection)]
    shell.show({"written": written}, lambda: "\n".join(written))


for one in (list_judgements, withdraw, import_judgements, export_judgements):
    judgements.add_command(one)

COMMANDS = (judge, judgements)
