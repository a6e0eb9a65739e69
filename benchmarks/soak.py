"""Eight people search the web page while an ingest and a re-index go on: errors, waiting, memory and threads.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.soak [--minutes 15] [--sessions 8] [--size 20000] [--pause 1]
        [--work FOLDER]

Each session is a window of its own in one Chromium, asks once before the time counts, and then its next query when the
hits of the last one are painted and --pause seconds have passed: 1 finds what the machine can do, 10 is a reader. A
search that failed is an error and has no time. Jobs are started as the page starts them; when one ends, the next
begins. Prints Markdown, and ends with 1 when a search failed, or when memory or threads grew.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.browsing import ARM, FAULT, LANDED, LAUNCH, QUERY_BOX, need
from benchmarks.figures import machine, percentile, table
from benchmarks.filling import collection_name, written
from benchmarks.passages import queries as queries_of
from benchmarks.passages import read_passages, write_passages
from benchmarks.server import Server, served
from benchmarks.tiny_encoder import write_tiny_encoder
from benchmarks.web import filled_home
from search_app.app import SearchApp
from search_app.catalog.jobs import Job, JobState
from search_app.request_kinds import Request
from search_app.requests import IngestRequest, ReindexRequest

_SAMPLE_SECONDS = 5.0
_WAIT_MS = 300_000
_GROWTH_MOST = 1.1  # of the last quarter's memory or threads to those of the second


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server held at a moment, in seconds from the beginning."""

    seconds: float
    resident_bytes: int
    thread_count: int


@dataclass(slots=True)
class Soaked:
    """All that was seen; it grows while the sessions search."""

    took_ms: list[float] = field(default_factory=list)
    failed_count: int = 0  # searches whose hits were never painted; they have no time
    errors: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    jobs: dict[str, list[str]] = field(default_factory=lambda: {"ingest": [], "reindex": []})

    def growth(self, name: str) -> float:
        """The middle of the last quarter of the samples by that of the second: 1.0 is flat.

        The first quarter is left out: caches fill, and threads begin.
        """
        values = [float(getattr(one, name)) for one in self.samples]
        quarter = max(1, len(values) // 4)
        return percentile(values[-quarter:], 0.5) / percentile(values[quarter : 2 * quarter] or values, 0.5)

    @property
    def is_good(self) -> bool:
        """Whether no search failed, and memory and threads stayed flat."""
        grown = max(self.growth("resident_bytes"), self.growth("thread_count"))
        failed_jobs = [state for states in self.jobs.values() for state in states if state == "failed"]
        return not self.errors and not failed_jobs and grown <= _GROWTH_MOST


def main() -> None:
    """Fills what isn't filled yet, soaks, and prints the figures."""
    arguments = _parser().parse_args()
    data = need(arguments.data)
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-soak-")))
        home = filled_home(data, work, arguments.size, stack)
        app = stack.enter_context(SearchApp.open(home))
        server = stack.enter_context(served(home))
        queries = queries_of(data)
        soaked = asyncio.run(soak(app, server, queries, work=work, asked=arguments))
        print(report(soaked, arguments))
    sys.exit(0 if soaked.is_good else 1)


async def soak(
    app: SearchApp, server: Server, queries: Sequence[str], *, work: Path, asked: argparse.Namespace
) -> Soaked:
    """Sessions, jobs and samples side by side until the time is up."""
    from playwright.async_api import async_playwright

    soaked, name = Soaked(), collection_name(asked.size)
    url = f"{server.address}/?collection={name}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**LAUNCH)
        pages = await asyncio.gather(*(opened(browser, url, soaked) for _ in range(asked.sessions)))
        await asyncio.gather(*(search(page, queries[-1 - place]) for place, page in enumerate(pages)))  # to warm up
        deadline = time.monotonic() + asked.minutes * 60  # the time counts from when all may search
        sessions = [
            session(page, queries[place :: asked.sessions], deadline, asked.pause, soaked)
            for place, page in enumerate(pages)
        ]
        loading = keep_busy(app, ingests(app, Path(asked.data), work, asked.size), deadline, soaked)
        building = keep_busy(app, rebuilds(app, name), deadline, soaked)
        await asyncio.gather(*sessions, loading, building, sample(server, deadline, soaked))
        await browser.close()
    return soaked


async def opened(browser: Any, url: str, soaked: Soaked) -> Any:
    """A window of a person's own, in which one can type."""
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(_WAIT_MS)
    page.on("pageerror", lambda error: soaked.errors.append(str(error)))
    await page.goto(url)
    await page.locator(QUERY_BOX).wait_for()
    return page


async def session(page: Any, queries: Sequence[str], deadline: float, pause: float, soaked: Soaked) -> None:
    """One person, who asks at least once and reads for `pause` seconds; whatever goes wrong is noted."""
    for query in cycle(queries):
        took = await search(page, query)
        faults = await page.locator(FAULT).all_inner_texts()
        soaked.errors += [f"{query!r}: {fault}" for fault in faults]
        if took is None:
            soaked.failed_count += 1
            soaked.errors.append(f"{query!r}: no hits were painted")
        else:
            soaked.took_ms.append(took)
        if time.monotonic() >= deadline:
            return
        await asyncio.sleep(pause)


async def search(page: Any, query: str) -> float | None:
    """The milliseconds from Enter until the hits are painted; None where they never were."""
    await page.locator(QUERY_BOX).fill(query)
    await page.evaluate(ARM)
    await page.locator(QUERY_BOX).press("Enter")
    took = float(await page.evaluate(LANDED))
    return took if took >= 0 else None


async def keep_busy(app: SearchApp, requests: Sequence[Request], deadline: float, soaked: Soaked) -> None:
    """Runs the jobs one after the other, again and again; stops the last one when the time is up."""
    for request in cycle(requests):
        job = await asyncio.to_thread(app.start, request)
        while not (view := await asyncio.to_thread(app.jobs.view, job.id)).job.state.is_end:
            if time.monotonic() >= deadline:
                await asyncio.to_thread(app.cancel_job, job.id)
                deadline = float("inf")
            await asyncio.sleep(0.5)
        soaked.jobs[job.kind].append(view.job.state.value)
        await asyncio.to_thread(drop_built, app, view.job)
        if deadline == float("inf") or time.monotonic() >= deadline:
            return


def drop_built(app: SearchApp, job: Job) -> None:
    """Drops the generation that a re-index has built, so that none pile up."""
    if job.kind == "reindex" and job.state is JobState.DONE and job.result and job.collection:
        app.drop_generation(job.collection, job.result["generation"]["number"])


def ingests(app: SearchApp, data: Path, work: Path, size: int) -> list[Request]:
    """A collection of its own, whose documents all change with each ingest."""
    file, _ = written(app, data, work, size)
    texts, moved = read_passages(file), work / "moved"
    moved.mkdir(exist_ok=True)
    write_passages(moved / file.name, [*texts[1:], texts[0]])
    return [IngestRequest((str(one),), "soaked", prune=True) for one in (file, moved / file.name)]


def rebuilds(app: SearchApp, collection: str) -> list[Request]:
    """The collection that is searched, by an encoder that costs little.

    Its own wouldn't do: the vectors planted for its passages aren't that encoder's, which the check of a build finds.
    """
    tiny = app.home.path / "tiny"
    if not tiny.exists():
        write_tiny_encoder(tiny)
    return [ReindexRequest(collection, str(tiny))]


async def sample(server: Server, deadline: float, soaked: Soaked) -> None:
    """Memory and threads of the server, every few seconds."""
    begun = time.monotonic()
    while time.monotonic() < deadline:
        soaked.samples.append(Sample(time.monotonic() - begun, server.resident_bytes, server.thread_count))
        await asyncio.sleep(_SAMPLE_SECONDS)


def report(soaked: Soaked, asked: argparse.Namespace) -> str:
    """How long searches took, what failed, what grew, and what went on meanwhile."""
    times = [f"{percentile(soaked.took_ms, share):.0f}" if soaked.took_ms else "–" for share in (0.5, 0.95, 0.99)]
    heads = ["sessions", "minutes", "passages", "searches", "failed", "errors", "p50 ms", "p95", "p99"]
    shown = [str(asked.sessions), f"{asked.minutes:g}", f"{asked.size:,}", f"{len(soaked.took_ms):,}"]
    searches = table(heads, [[*shown, str(soaked.failed_count), str(len(soaked.errors)), *times]])
    rows = [
        [f"{one.seconds / 60:.1f}", f"{one.resident_bytes / 1e6:,.0f}", str(one.thread_count)]
        for one in soaked.samples[:: max(1, len(soaked.samples) // 15)]
    ]
    held = table(["minute", "MB", "threads"], rows)
    grown = (
        f"Grown by {soaked.growth('resident_bytes'):.2f} in memory, by {soaked.growth('thread_count'):.2f} in threads."
    )
    jobs = "; ".join(f"{kind}: {', '.join(states)}" for kind, states in soaked.jobs.items())
    return "\n\n".join([searches, held, grown, f"Jobs: {jobs}.", *soaked.errors[:10], machine()])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Let people search while the collection is loaded and rebuilt.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--pause", type=float, default=1, help="Seconds that a person reads before the next query.")
    parser.add_argument("--size", type=int, default=20_000, help="Passages of the collection that is searched.")
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    return parser


if __name__ == "__main__":
    main()
