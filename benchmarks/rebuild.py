"""How quick a lost index is back, and what people who search notice of a build.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.rebuild [--passages 20000] [--words 40] [--queries 300]
        [--work FOLDER] [--encoder NAME]

A collection is ingested for real. Then the engine's whole folder is deleted and `check --repair` brings it back from
the catalogue and the vector cache: its speed beside that of encoding. Then another process builds a generation in
another precision while one user asks: the time of an answer beside that at rest. Prints Markdown.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from benchmarks import passages
from benchmarks.figures import machine, percentile, table
from ingest.errors import TwinsearchError
from search_app.app import SearchApp
from search_app.catalog.jobs import Job, JobState
from search_app.config import DEFAULT_COLLECTION
from search_app.requests import IngestRequest, ReindexRequest

_STEP_SHARE = 0.3  # of a passage's words, from the beginning of one to that of the next
_TIMED = 2000  # passages, to tell the speed of encoding
_WARMING = 5  # queries before those that count
_REST_SECONDS = 0.05  # between two queries: a person reads


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and where: passages of so many words, and a build in another precision beside the searches."""

    app: SearchApp
    data: Path
    work: Path
    passage_count: int
    query_count: int
    precision: str = "fp32"
    words: int = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """The milliseconds of answers, and what was raised instead of one."""

    milliseconds: Sequence[float]
    errors: Sequence[str]


def main() -> None:
    """Fills what isn't filled yet, measures, and prints the tables."""
    arguments = _parser().parse_args()
    if arguments.data is None or not Path(arguments.data).is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-rebuild-")))
        app = stack.enter_context(SearchApp.open(work / "home", encoder=arguments.encoder))
        stack.callback(app.engine.stop)
        data = Path(arguments.data)
        print(report(Bench(app, data, work, arguments.passages, arguments.queries, words=arguments.words)))


def report(bench: Bench) -> str:
    """Two tables: the index that was lost, and the searches beside a build."""
    texts = fill(bench)
    return "\n\n".join([restored(bench, texts), beside_a_build(bench), machine()])


def fill(bench: Bench) -> list[str]:
    """The passages, ingested unless they are there."""
    bench.work.mkdir(parents=True, exist_ok=True)
    file = bench.work / f"{bench.passage_count}-{bench.words}.jsonl"
    if not file.is_file():
        step = int(_STEP_SHARE * bench.words)
        found = passages.passages(bench.data, bench.passage_count, words=bench.words, step=step)
        passages.write_passages(file, found)
    bench.app.ingest(IngestRequest((str(file),), whole=True))
    return list(passages.read_passages(file))


def restored(bench: Bench, texts: Sequence[str]) -> str:
    """How long the repair takes after the engine's folder is gone, beside encoding."""
    app = bench.app
    encoder = app.encoders.load(app.settings.encoder)
    encoded = _seconds(lambda: encoder.encode(texts[:_TIMED])) / len(texts[:_TIMED])
    app.index.close()
    app.engine.stop()
    shutil.rmtree(app.home.engine_folder)
    begun = time.perf_counter()
    found = app.check(is_repairing=True)
    each = (time.perf_counter() - begun) / len(texts)
    if found.remaining:
        sys.exit(f"The index isn't restored: {found.remaining[0].problem}.")
    rows = [
        (f"encoding in {encoder.precision}", f"{1 / encoded:,.0f}", ""),
        ("check --repair", f"{1 / each:,.0f}", f"{encoded / each:.1f}"),
    ]
    return table((f"{len(texts):,} passages of {bench.words} words", "a second", "times as fast"), rows)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def beside_a_build(bench: Bench) -> str:
    """How long answers take at rest, and while another process builds a generation."""
    queries = passages.queries(bench.data)
    _asked(bench.app, islice(queries, _WARMING))
    rest = _asked(bench.app, islice(cycle(queries), bench.query_count))
    job, number = _begun(bench)
    beside = _asked(bench.app, islice(_while_running(bench.app, job, queries), bench.query_count))
    _end(bench.app, job)
    bench.app.drop_generation(DEFAULT_COLLECTION, number)
    low = percentile(rest.milliseconds, 0.95)
    rows = [_row("at rest", rest, low), _row("during the build", beside, low)]
    return table(("one user, hybrid", "queries", "p50 ms", "p95", "p99", "p95, times", "errors"), rows)


def _begun(bench: Bench) -> tuple[Job, int]:
    """The job of a build whose generation is there, and the generation's number."""
    known = len(bench.app.generations.list(DEFAULT_COLLECTION))
    job = bench.app.start(ReindexRequest(DEFAULT_COLLECTION, precision=bench.precision))
    while len(found := bench.app.generations.list(DEFAULT_COLLECTION)) == known:
        if bench.app.jobs.view(job.id).job.state.is_end:
            sys.exit(f"The build ended before it had a generation: {bench.app.jobs.view(job.id).job.message}")
        time.sleep(_REST_SECONDS)
    return job, found[-1].number


def _while_running(app: SearchApp, job: Job, queries: Sequence[str]) -> Iterator[str]:
    for query in cycle(queries):
        if app.jobs.view(job.id).job.state.is_end:
            return
        yield query


def _end(app: SearchApp, job: Job) -> None:
    """What is left of the build tells nothing more, so it is called off."""
    if not app.jobs.view(job.id).job.state.is_end:
        app.cancel_job(job.id)
    while not (ended := app.jobs.view(job.id).job).state.is_end:
        time.sleep(_REST_SECONDS)
    if ended.state not in (JobState.DONE, JobState.CANCELLED):
        sys.exit(f"The build ended as {ended.state.value}: {ended.message}")


def _asked(app: SearchApp, queries: Iterator[str]) -> Asked:
    milliseconds, errors = [], []
    for query in queries:
        begun = time.perf_counter()
        try:
            app.search(query)
        except TwinsearchError as error:
            errors.append(str(error))
        milliseconds.append(1000 * (time.perf_counter() - begun))
        time.sleep(_REST_SECONDS)
    return Asked(milliseconds, errors)


def _row(name: str, asked: Asked, low: float) -> tuple[str, ...]:
    shares = [percentile(asked.milliseconds, share) for share in (0.5, 0.95, 0.99)]
    figures = [f"{one:.1f}" for one in shares]
    return (name, f"{len(asked.milliseconds):,}", *figures, f"{shares[1] / low:.1f}", str(len(asked.errors)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure a lost index coming back, and searches beside a build.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--passages", type=int, default=20_000, help="Of the collection.")
    parser.add_argument("--words", type=int, default=40, help="Of a passage.")
    parser.add_argument("--queries", type=int, default=300, help="Asked at rest, and at most so many during the build.")
    parser.add_argument("--encoder", help="Another encoder than the default one.")
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    return parser


if __name__ == "__main__":
    main()
