"""How long a query takes, in which part, and how that grows with the collection and with the users.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.query [--sizes 1000,20000,100000] [--users 1,4,8]
        [--queries N] [--peers PYTHON] [--work FOLDER]

Queries are encoded for real, passages are not: all sides are given the same random unit rows for them, since an exact
search costs the same wherever vectors point. A work folder that is named keeps what is filled. Prints Markdown.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import passages
from benchmarks.figures import machine, percentile, table
from benchmarks.filling import collection_name, fill, written
from benchmarks.peers.process import SIDES, open_peers
from benchmarks.users import ask_all
from search_app.app import SearchApp
from search_app.twin.resolution import resolve

MODES = ("dense", "lexical", "hybrid")
OURS = (
    "prepare",
    "fuse",
    "fetch",
)  # the parts of an answer that are neither the encoder, nor Milvus, nor the word index
PARTS = ("encode", "search", "words", *OURS)
_WARMING = 5  # queries before those that count: they load, connect and fill caches


@dataclass(frozen=True, slots=True)
class Measured:
    """The milliseconds of every query of one side: whole, and by part."""

    size: int
    side: str
    user_count: int
    total: Sequence[float]
    parts: Mapping[str, Sequence[float]]

    def middle(self, *names: str) -> float:
        """The median of the sum of some parts."""
        sums = [sum(each) for each in zip(*(self.parts[name] for name in names), strict=True)]
        return percentile(sums, 0.5)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and where."""

    data: Path
    work: Path
    sizes: Sequence[int]
    users: Sequence[int]
    query_count: int
    peers: Path | None

    @property
    def queries(self) -> list[str]:
        """Questions to ask, after the few that don't count."""
        return passages.queries(self.data)[_WARMING : _WARMING + self.query_count]

    @property
    def warming(self) -> list[str]:
        """The few that don't count."""
        return passages.queries(self.data)[:_WARMING]


def main() -> None:
    """Fills what isn't filled yet, asks, and prints the tables."""
    arguments = _parser().parse_args()
    if arguments.data is None or not Path(arguments.data).is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-bench-")))
        sizes, users = ([int(each) for each in one.split(",")] for one in (arguments.sizes, arguments.users))
        bench = Bench(Path(arguments.data), work, sizes, users, arguments.queries, arguments.peers)
        app = stack.enter_context(SearchApp.open(work / "home", encoder=arguments.encoder))
        stack.callback(app.engine.stop)
        print(report(app, bench))


def report(app: SearchApp, bench: Bench) -> str:
    """Two tables: all sides, and the parts of our answers."""
    measured = [one for size in bench.sizes for one in measure(app, bench, size)]
    absent = [] if bench.peers else ["Peers weren't measured: name their interpreter with --peers."]
    encoder = app.encoders.load(app.settings.encoder)
    lines = f"Ours encodes with {app.settings.encoder} in {encoder.precision}; {len(bench.queries)} queries a row."
    return "\n\n".join([_all_sides(measured), _our_parts(measured), *absent, lines, machine()])


def measure(app: SearchApp, bench: Bench, size: int) -> Iterator[Measured]:
    """Ours in every mode and the peers at one size; for each number of users one after the other."""
    file, vectors = written(app, bench.data, bench.work, size)
    fill(app, file, vectors, size)
    with ExitStack() as stack:
        peers = open_peers(stack, bench.peers, resolve(app.settings.encoder))
        for name, peer in peers.items():
            peer.do("fill", file=file, vectors=vectors, folder=bench.work / f"{SIDES[name]}-{size}")
            peer.do("ask", queries=bench.warming, user_count=1)
        for user_count in bench.users:
            for mode in MODES:
                yield _ours(app, bench, size, mode, user_count)
            for name, peer in peers.items():
                told = peer.do("ask", queries=bench.queries, user_count=user_count)
                yield Measured(size, name, user_count, told["total"], {"encode": told["encode"]})


def _ours(app: SearchApp, bench: Bench, size: int, mode: str, user_count: int) -> Measured:
    def ask(query: str) -> Mapping[str, float]:
        return app.search(query, collection_name(size), mode=mode).took_ms

    ask_all(ask, bench.warming, 1)
    answers = ask_all(ask, bench.queries, user_count)
    parts = {part: [took[part] for _, took in answers] for part in PARTS}
    return Measured(size, f"Twinsearch, {mode}", user_count, [ms for ms, _ in answers], parts)


def _all_sides(measured: Sequence[Measured]) -> str:
    rows = [
        [f"{one.size:,}", one.side, str(one.user_count), *_percentiles(one), f"{one.middle('encode'):.1f}"]
        for one in measured
    ]
    return table(["passages", "side", "users", "p50 ms", "p95", "p99", "of which encoding, p50"], rows)


def _our_parts(measured: Sequence[Measured]) -> str:
    rows = [
        [
            f"{one.size:,}",
            one.side,
            str(one.user_count),
            *(f"{one.middle(part):.2f}" for part in PARTS),
            f"{one.middle(*OURS):.2f}",
        ]
        for one in measured
        if set(PARTS) <= set(one.parts)
    ]
    names = ["encode", "Milvus", "word index", *OURS]
    return table(["passages", "side", "users", *names, f"{' + '.join(OURS)}"], rows)


def _percentiles(one: Measured) -> list[str]:
    return [f"{percentile(one.total, share):.1f}" for share in (0.5, 0.95, 0.99)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure how long queries take.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--sizes", default="1000,20000,100000", help="Passages of each collection.")
    parser.add_argument("--users", default="1,4,8", help="How many ask at once.")
    parser.add_argument("--queries", type=int, default=200, help="Queries a row of the table.")
    parser.add_argument("--encoder", help="Another encoder than the default one.")
    parser.add_argument("--peers", type=Path, help="The interpreter of an environment with requirements-peers.txt.")
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    return parser


if __name__ == "__main__":
    main()
