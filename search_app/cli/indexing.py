"""Commands about the index over the vectors."""

from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, command
from search_app.cli.tables import table

if TYPE_CHECKING:
    from search_app.index_health import IndexHealth


@click.group("index")
def index() -> None:
    """Look into the index over the vectors."""


@command("health", examples="twinsearch index health support\ntwinsearch index health support --queries 500")
@click.argument("collection", metavar="NAME")
@click.option("--queries", default=100, show_default=True, metavar="N", help="How many chunks to search with.")
def health(shell: Shell, collection: str, queries: int) -> None:
    """Measure what the index finds of what comparing every vector finds."""
    found = shell.app.index_health(collection, queries, shell.listen())
    shell.show(found, lambda: health_text(found))


def health_text(health: "IndexHealth") -> str:
    """What there is, then a line for each measurement."""
    parameters = ", ".join(f"{name} {value}" for name, value in sorted(health.parameters.items()))
    rows = f"{health.row_count:,} rows" + (
        "" if health.row_count == health.expected_count else f" instead of {health.expected_count:,}"
    )
    segments = f" in {health.segment_count:,} segments" if health.segment_count is not None else ""
    rows_measured = [
        ("as usual" if one.effort is None else str(one.effort), f"{one.recall:.4f}", f"{one.milliseconds:.1f}")
        for one in health.efforts
    ]
    lines = [
        f"{health.kind} index of generation {health.generation} of {health.collection!r}"
        + (f" ({parameters})" if parameters else ""),
        f"{rows}{segments}",
        f"encoder {health.fingerprint[:12]}: {_noted(health.has_fingerprint)}",
        f"alias {health.alias}: {_noted(health.has_alias)}",
        "",
        table((health.effort_name or "search", "recall@10", "ms"), rows_measured),
        f"{health.query_count:,} queries, each by itself; recall against comparing every vector",
    ]
    return "\n".join(lines)


def _noted(is_right: bool) -> str:
    return "as in the catalogue" if is_right else "not as in the catalogue; run `twinsearch check --repair`"


COMMANDS = (index,)
index.add_command(health)
