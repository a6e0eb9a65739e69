"""The command that compares texts: similarity."""

import textwrap
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, command
from search_app.cli.tables import table

if TYPE_CHECKING:
    from search_app.similarity import Similarity

_ENERGIES = ("cosine", "dot", "euclidean", "squared-euclidean", "manhattan")
_SHOWN_CHARACTERS = 60


@command(
    "similarity",
    examples="""
twinsearch similarity "a cat sleeps" "a kitten is asleep"
twinsearch similarity "refund" "money back" "opening hours" --encoder support-1
twinsearch similarity "a cat" "a dog" --energy euclidean
cat sentences.txt | twinsearch similarity - --json""",
)
@click.argument("texts", nargs=-1, required=True, metavar="TEXT TEXT...")
@click.option("--encoder", metavar="ENCODER", help="Which encoder compares them.")
@click.option("-c", "--collection", metavar="NAME", help="The live encoder of this collection compares them.")
@click.option(
    "--energy", type=click.Choice(_ENERGIES), help="An energy instead of the cosine similarity; smaller is nearer."
)
@click.option(
    "--kind",
    type=click.Choice(["document", "query"]),
    default="document",
    show_default=True,
    help="Which of the encoder's prompts stands before the texts.",
)
def similarity(shell: Shell, texts: tuple[str, ...], **asked: Any) -> None:
    """Compare texts with each other: 1 is the same meaning. "-" reads them from standard input, one a line."""
    result = shell.app.similarity(_lines() if texts == ("-",) else texts, **asked)
    shell.show(result, lambda: similarity_text(result))


def _lines() -> tuple[str, ...]:
    with click.open_file("-", encoding="utf-8", errors="replace") as lines:
        return tuple(line.rstrip("\r\n") for line in lines if line.strip())


def similarity_text(result: "Similarity") -> str:
    """Two texts' number, or everyone's with everyone; then what it is and by which encoder."""
    measure = "cosine similarity, 1 is the same" if result.measure == "similarity" else f"{result.measure} energy"
    by = f"({measure}, encoder {result.encoder}, {result.fingerprint[:12]})"
    counts = result.token_counts
    cut = [number for number, count in enumerate(counts, start=1) if count > result.max_tokens]
    lost = [f"Only the first {result.max_tokens} tokens were read of text {', '.join(map(str, cut))}."] if cut else []
    if len(result.texts) == 2:
        return "\n".join([f"{result.matrix[0][1]:z.4f}  {by}", *lost])
    numbers = [str(number) for number in range(1, len(result.texts) + 1)]
    rows = [
        (number, *(f"{value:z.4f}" for value in row), textwrap.shorten(text, _SHOWN_CHARACTERS, placeholder=" …"))
        for number, row, text in zip(numbers, result.matrix, result.texts, strict=True)
    ]
    return "\n".join([table(("", *numbers, "text"), rows), by, *lost])


COMMANDS = (similarity,)
