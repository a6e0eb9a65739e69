"""The commands that tell what a collection is about: its topics, and its picture on the Map page."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, background_option, command

if TYPE_CHECKING:
    from search_app.arranging import Arranged
    from search_app.clusters import Topics


@command("clusters", examples="twinsearch clusters support\ntwinsearch clusters support -k 12 --json")
@click.argument("collection", metavar="NAME")
@click.option("-k", "count", type=int, metavar="N", help="How many; by default as many as are best apart.")
@click.option("--seed", default=0, show_default=True, help="Where random choices begin.")
def clusters(shell: Shell, collection: str, **asked: Any) -> None:
    """Group a collection into topics by its vectors."""
    found = shell.app.clusters(collection, report=shell.listen(), **asked)
    shell.show(topics_json(found), lambda: topics_text(found))


def topics_json(found: "Topics") -> dict[str, Any]:
    """Everything but the centres."""
    return {one.name: getattr(found, one.name) for one in fields(found) if one.name != "centres"}


def topics_text(found: "Topics") -> str:
    """A block for each topic, then what it is of."""
    blocks = [
        f"{topic.number:>3}. {topic.share:.0%}  {', '.join(topic.words)}\n     {' · '.join(topic.titles)}\n"
        for topic in found.topics
    ]
    return "\n".join(
        [
            *blocks,
            f"{len(found.topics)} topics of {found.passage_count:,} passages in generation {found.generation} of "
            f"{found.collection!r} (silhouette {found.silhouette:.3f})",
        ]
    )


@command("arrange", examples="twinsearch arrange support\ntwinsearch arrange support --perplexity 50")
@click.argument("collection", metavar="NAME")
@click.option("--perplexity", default=30.0, show_default=True, help="How many neighbours each passage is kept near to.")
@click.option("--seed", default=0, show_default=True, help="Where random choices begin.")
@background_option
def arrange(shell: Shell, collection: str, *, in_background: bool, **asked: Any) -> None:
    """Draw a collection by t-SNE, for the Map page."""
    from search_app.requests import ArrangeRequest

    shell.work(ArrangeRequest(collection, **asked), arranged_text, in_background=in_background)


def arranged_text(arranged: "Arranged") -> str:
    """What was drawn, and where it is shown."""
    return (
        f"Arranged {arranged.drawn_count:,} of {arranged.passage_count:,} passages of generation "
        f"{arranged.generation} in {arranged.seconds:.0f} s. The Map page of `twinsearch ui` shows them by t-SNE."
    )


COMMANDS = (clusters, arrange)
