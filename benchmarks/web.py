"""How long a person waits for the web page, in a real Chromium.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.web [--size 20000] [--queries 100] [--starts 5] [--work FOLDER]
        [--peers PYTHON]

Starts are cold: a new server and an empty browser each; the operating system's cache of files is warm. Queries are
encoded for real. A work folder that is named keeps what is filled. PYTHON is the interpreter of an environment with
`benchmarks/requirements-peers.txt`: a plain page for a txtai index is then timed by the same clock. Prints Markdown.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import passages
from benchmarks.browsing import ARM, FIRST_HIT, FIRST_PAINT, LANDED, LAUNCH, QUERY_BOX, need
from benchmarks.figures import machine, percentile, table
from benchmarks.filling import collection_name, fill, written
from benchmarks.peers.pages import PAGES, peer_page
from benchmarks.server import Server, served
from search_app.app import SearchApp
from search_app.twin.resolution import resolve

OURS = "Twinsearch, hybrid"
_WARMING = 5  # queries before those that count
_WAIT_MS = 300_000


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the server's start until it answers, from there until something is painted, until one can type."""

    up: float
    painted: float
    ready: float
    idle_bytes: int


@dataclass(frozen=True, slots=True)
class Visit:
    """Milliseconds from Enter to hits painted: of the server's very first search, and of those when it is warm.

    Also the memory and threads after them.
    """

    first_ms: float
    took_ms: Sequence[float]
    resident_bytes: int
    thread_count: int


def main() -> None:
    """Fills what isn't filled yet, visits, and prints the tables."""
    arguments = _parser().parse_args()
    data = need(arguments.data)
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-web-")))
        home = filled_home(data, work, arguments.size, stack)
        browser = stack.enter_context(sync_playwright()).chromium.launch(**LAUNCH)
        starts = [start(browser, home) for _ in range(arguments.starts)]
        queries = passages.queries(data)[: _WARMING + arguments.queries]
        with served(home) as server:
            visits = {OURS: visit(browser, server, f"/?collection={collection_name(arguments.size)}", queries)}
        for name in PAGES if arguments.peers else ():
            with peer_page(arguments.peers, name, *peer_data(data, work, arguments.size), work) as server:
                visits[name] = visit(browser, server, "", queries)
        print(report(starts, visits, arguments.size))


def filled_home(data: Path, work: Path, size: int, stack: ExitStack) -> Path:
    """A home with a collection of this size; its engine ends with the stack."""
    with SearchApp.open(work / "home") as app:
        fill(app, *written(app, data, work, size), size)
        stack.callback(app.engine.stop)
    return work / "home"


def start(browser: Any, home: Path) -> Start:
    """One cold start, as the first visitor sees it."""
    with served(home) as server:
        idle_bytes = server.resident_bytes
        begun = time.perf_counter()
        with browser.new_context() as context:
            page = context.new_page()
            page.set_default_timeout(_WAIT_MS)
            page.goto(server.address)
            page.locator(QUERY_BOX).wait_for()
            ready = time.perf_counter() - begun
            return Start(server.up_seconds, page.evaluate(FIRST_PAINT) / 1000, ready, idle_bytes)


def peer_data(data: Path, work: Path, size: int) -> tuple[Path, tuple[Path, Path]]:
    """The folder of the encoder that ours goes by, and the files of texts and vectors."""
    with SearchApp.open(work / "home") as app:
        return resolve(app.settings.encoder), written(app, data, work, size)


def visit(browser: Any, server: Server, path: str, queries: Sequence[str]) -> Visit:
    """One person who asks one query after the other."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(_WAIT_MS)
        page.goto(f"{server.address}{path}")
        took = [asked(page, query) for query in queries]
        return Visit(took[0], took[_WARMING:], server.resident_bytes, server.thread_count)


def asked(page: Any, query: str) -> float:
    """The milliseconds of one search.

    Raises:
        TimeoutError: No hits came.
    """
    page.locator(QUERY_BOX).fill(query)
    page.evaluate(ARM)
    page.locator(QUERY_BOX).press("Enter")
    took = float(page.evaluate(LANDED))
    if took < 0 or not page.locator(FIRST_HIT).count():
        raise TimeoutError(f"No hits were painted for {query!r}.")
    return took


def report(starts: Sequence[Start], visits: Mapping[str, Visit], size: int) -> str:
    """Both tables; the middle of our starts, and the slowest, and a row of searches for each page."""
    rows = [
        [word, *(f"{percentile([getattr(one, name) for one in starts], share):.2f}" for share in (0.5, 1.0))]
        for word, name in (
            ("server answers, s", "up"),
            ("then first paint, s", "painted"),
            ("then one can type, s", "ready"),
        )
    ]
    idle = percentile([one.idle_bytes / 1e6 for one in starts], 0.5)
    heads = ["page", "very first search, ms", "Enter to hits, p50 ms", "p95", "p99", "MB after", "threads after"]
    searched = [_row(name, found) for name, found in visits.items()]
    counts = f"{size:,} passages, {len(starts)} starts, {len(visits[OURS].took_ms)} searches a page. "
    counts += f"Ours holds {idle:,.0f} MB before the first visitor. {machine()}"
    return "\n\n".join([table(["start", "p50", "slowest"], rows), table(heads, searched), counts])


def _row(name: str, found: Visit) -> list[str]:
    figures = [f"{percentile(found.took_ms, share):.0f}" for share in (0.5, 0.95, 0.99)]
    return [name, f"{found.first_ms:,.0f}", *figures, f"{found.resident_bytes / 1e6:,.0f}", str(found.thread_count)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure how long a person waits for the web page.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--size", type=int, default=20_000, help="Passages of the collection.")
    parser.add_argument("--queries", type=int, default=100, help="Searches that count.")
    parser.add_argument("--starts", type=int, default=5, help="Cold starts.")
    parser.add_argument("--peers", type=Path, help="The interpreter of an environment that has the peers.")
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    return parser


if __name__ == "__main__":
    main()
