"""Commands about the review list: passages that may be answers although nobody judged them."""

from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, collection_option, command
from search_app.cli.tables import table

if TYPE_CHECKING:
    from search_app.reviewing import ReviewEntry

_TEXT_CHARACTERS = 80


@click.group("review")
def review() -> None:
    """List, judge or dismiss passages that may be answers nobody judged."""


@command("list", examples="twinsearch review list -c support")
@collection_option
@click.option(
    "--state",
    type=click.Choice(["open", "judged", "dismissed", "any"]),
    default="open",
    show_default=True,
    help="Which entries.",
)
@click.option("--limit", type=int, default=100, show_default=True, help="At most so many, the most doubtful first.")
def list_reviews(shell: Shell, collection: str, state: str, limit: int) -> None:
    """Show what mining found too near to an answer to call it a negative."""
    from search_app.catalog.reviews import ReviewState

    found = shell.app.reviews(collection, state=None if state == "any" else ReviewState(state), limit=limit)
    shell.show(found, lambda: reviews_text(found))


def reviews_text(found: tuple["ReviewEntry", ...]) -> str:
    """A table, and how to judge what it lists."""
    head = ("id", "state", "score", "answer's", "query", "document", "passage")
    rows = [
        (
            str(one.review.id),
            one.review.state.value,
            f"{one.review.score:.3f}",
            f"{one.review.answer_score:.3f}",
            one.review.query,
            one.review.document_id,
            " ".join(one.text.split())[:_TEXT_CHARACTERS],
        )
        for one in found
    ]
    if not rows:
        return "Nothing is on the list. `twinsearch mine` and `--mine` put there what may be an answer nobody judged."
    return (
        f"{table(head, rows)}\nJudge one with `twinsearch review judge ID --grade 0..3`, or take it off with "
        "`twinsearch review dismiss ID`."
    )


@command("judge", examples="twinsearch review judge 12 --grade 2")
@click.argument("review_id", type=int, metavar="ID")
@click.option("--grade", type=int, required=True, metavar="0..3", help="0 is no answer, 3 the best one.")
def judge_review(shell: Shell, review_id: int, grade: int) -> None:
    """Say how well the document of an entry answers its query."""
    number = shell.app.judge_review(review_id, grade)
    shell.show({"judgement": number}, lambda: f"Judgement {number}: entry {review_id} has grade {grade}.")


@command("dismiss", examples="twinsearch review dismiss 12 13")
@click.argument("review_ids", type=int, nargs=-1, required=True, metavar="ID...")
def dismiss_reviews(shell: Shell, review_ids: tuple[int, ...]) -> None:
    """Take entries off the list without judging them."""
    shell.app.dismiss_reviews(review_ids)
    shell.show({"dismissed": list(review_ids)}, lambda: f"Dismissed: {', '.join(map(str, review_ids))}.")


for one in (list_reviews, judge_review, dismiss_reviews):
    review.add_command(one)

COMMANDS = (review,)
