"""What an ingest costs beside encoding alone and beside peers, and how much memory it takes.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.ingest encoding|peers|memory [--limit N] [--repeats N]
        [--peers PYTHON] [--int8] [--encoder NAME] [--sizes 10000,100000]

encoding: a whole ingest of documents of SciFact, and encoding the same passages alone, in turns, by a warm encoder.
peers: documents of SciFact, one passage each, until all is durable; the sides take turns. Encoders are loaded before,
    and with --int8 ours runs in that too, calibrated before, on documents that come after those.
memory: peak of the process that ingests short documents with a tiny encoder, and of the engine. Prints Markdown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks import passages
from benchmarks.figures import machine, table
from benchmarks.peers.process import SIDES, open_peers
from benchmarks.tiny_encoder import write_tiny_encoder
from ingest.chunking import passage
from search_app.app import SearchApp
from search_app.config import DEFAULT_ENCODER
from search_app.engine.record import EngineFiles, read_record
from search_app.requests import IngestRequest, ReindexRequest
from search_app.twin.resolution import resolve

_COLLECTION = "bench"
_WORDS, _STEP = 20, 10  # of a short document, and from one to the next
_LOOK_SECONDS = 0.1
_CALIBRATING = 64  # documents that are there before an ingest in int8
_OURS = ("Twinsearch", "Twinsearch, int8")
_WARMING, _WARMING_COUNT = "word " * 200, 24  # for several batches an encoder is compiled when the first of them come


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and with what."""

    data: Path
    work: Path
    limit: int
    repeats: int
    sizes: Sequence[int]
    encoder: str | None = None
    peers: Path | None = None
    has_int8: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost: seconds of the clock and of the processor, for so many documents or chunks."""

    count: int
    seconds: float
    processor_seconds: float


def main() -> None:
    """Measures one of the three and prints its table."""
    arguments = _parser().parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    with tempfile.TemporaryDirectory(prefix="twinsearch-bench-") as work:
        sizes = [int(one) for one in arguments.sizes.split(",")]
        bench = Bench(
            arguments.data,
            Path(work),
            arguments.limit,
            arguments.repeats,
            sizes,
            arguments.encoder,
            arguments.peers,
            arguments.int8,
        )
        print(REPORTS[arguments.what](bench), machine(), sep="\n\n")


def beside_encoding(bench: Bench) -> str:
    """Whole ingests and encoding alone, in turns."""
    file = _scifact(bench)
    wholes, alones = [], []
    for number in range(bench.repeats):
        with _opened(bench, str(number)) as app:
            _encoded_count(app, [_WARMING] * _WARMING_COUNT)
            whole = _timed(partial(_taken_in, app, file, whole=False))
            texts = _encoded_texts(app)
            alones.append(_timed(partial(_encoded_count, app, texts)))
            wholes.append(replace(whole, count=len(texts)))
    rows = [_cost_row("whole ingest", wholes, "chunks"), _cost_row("encoding alone", alones, "chunks")]
    ratios = [one.seconds / other.seconds for one, other in zip(wholes, alones, strict=True)]
    busy = [one.processor_seconds / other.processor_seconds for one, other in zip(wholes, alones, strict=True)]
    lines = (
        f"Whole ingest over encoding alone: {_spread(ratios)} by the clock, {_spread(busy)} by the processor's time "
        f"(which leaves out parsers and engine). Encoder in {_precision(bench)}."
    )
    return f"{table(_COLUMNS, rows)}\n\n{lines}"


def beside_peers(bench: Bench) -> str:
    """Ours and the peers, in turns, everything durable."""
    file = _scifact(bench)
    costs: dict[str, list[Cost]] = {name: [] for name in _OURS[: 1 + bench.has_int8]}
    with ExitStack() as stack:
        weights = resolve(bench.encoder or DEFAULT_ENCODER)
        peers = open_peers(stack, bench.peers, weights)
        for number in range(bench.repeats):
            for name, own in costs.items():
                if name in _OURS:
                    own.append(_our_turn(bench, f"{_OURS.index(name)}-{number}", file, is_int8=name != _OURS[0]))
            for name, peer in peers.items():
                told = peer.do("ingest", file=file, folder=bench.work / f"{SIDES[name]}-{number}")
                costs.setdefault(name, []).append(Cost(**told))
    ours = [name for name in _OURS if name in costs]
    rows = [
        [*_cost_row(name, own, "documents"), *(_spread(_ratios(costs[side], own)) for side in ours)]
        for name, own in costs.items()
    ]
    columns = [*_COLUMNS, *(f"{side} is so many times as fast" for side in ours)]
    absent = "" if bench.peers else "\n\nPeers weren't measured: name their interpreter with --peers."
    return f"{table(columns, rows)}{absent}\n\nEncoder in {_precision(bench)} where nothing else is said."


def _our_turn(bench: Bench, name: str, file: Path, *, is_int8: bool) -> Cost:
    """One ingest into a new collection; into one that runs in int8 already where that is asked."""
    with _opened(bench, name) as app:
        if is_int8:
            _taken_in(app, _scifact(bench, start=bench.limit, stop=bench.limit + _CALIBRATING), whole=True)
            app.reindex(ReindexRequest(_COLLECTION, precision="int8", switch=True, force=True))
        return _timed(partial(_taken_in, app, file, whole=True))


def memory(bench: Bench) -> str:
    """Peaks of the ingesting process and of the engine, for each size."""
    encoder = write_tiny_encoder(bench.work / "tiny")
    rows, peaks = [], []
    for size in bench.sizes:
        file = bench.work / f"{size}.jsonl"
        passages.write_passages(file, passages.passages(bench.data, size, words=_WORDS, step=_STEP))
        home = bench.work / f"home-{size}"
        seconds, peak, engine = _watched_ingest(file, home, encoder)
        peaks.append(peak)
        rows.append([f"{size:,}", f"{peak:.0f}", f"{peak / peaks[0]:.2f}", f"{engine:.0f}", f"{seconds:.0f}"])
    columns = ["short documents", "ingest, MiB at most", "times the first", "engine, MiB at most", "seconds"]
    return f"{table(columns, rows)}\n\nWith an encoder of one layer, so that what grows isn't the encoder's."


REPORTS: Mapping[str, Callable[[Bench], str]] = {
    "encoding": beside_encoding,
    "peers": beside_peers,
    "memory": memory,
}
_COLUMNS = ("side", "count", "seconds", "per second", "processor seconds")


def _scifact(bench: Bench, start: int = 0, stop: int | None = None) -> Path:
    """Documents of SciFact, the first ones unless told otherwise, as a file."""
    file = bench.work / f"scifact-{start}.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for document in islice(passages.documents(bench.data), start, stop or bench.limit):
            lines.write(json.dumps({name: document[name] for name in ("_id", "title", "text")}) + "\n")
    return file


@contextmanager
def _opened(bench: Bench, name: str) -> Iterator[SearchApp]:
    """A new home with its encoder loaded, and in the end its engine stopped."""
    with SearchApp.open(bench.work / f"home-{name}", encoder=bench.encoder) as app:
        app.encoders.load(app.settings.encoder)
        try:
            yield app
        finally:
            app.engine.stop()


def _taken_in(app: SearchApp, file: Path, *, whole: bool) -> int:
    summary = app.ingest(IngestRequest((str(file),), _COLLECTION, whole=whole))
    return summary.new


def _encoded_texts(app: SearchApp) -> list[str]:
    """What the encoder was given, all of it."""
    generation = app.catalog.collections.live(_COLLECTION)
    passed = app.catalog.documents.all_passages(generation) if generation is not None else ()
    return [passage(one.title, one.chunk.headings, one.chunk.text) for one in passed]


def _encoded_count(app: SearchApp, texts: Sequence[str]) -> int:
    return len(app.encoders.load(app.settings.encoder).encode(texts))


def _timed(work: Callable[[], int]) -> Cost:
    begun, busy = time.perf_counter(), time.process_time()
    count = work()
    return Cost(count, time.perf_counter() - begun, time.process_time() - busy)


def _watched_ingest(file: Path, home: Path, encoder: Path) -> tuple[float, float, float]:
    """Runs the command; seconds, and the peaks of its process and of the engine in MiB."""
    command = [sys.executable, "-m", "search_app.cli", "ingest", str(file), "-c", _COLLECTION, "--home", str(home)]
    begun, peak = time.perf_counter(), 0.0
    with subprocess.Popen([*command, "--encoder", str(encoder)], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"The ingest ended with {process.returncode}.")
    with SearchApp.open(home) as app:
        record = read_record(EngineFiles(app.engine.folder))
        engine = _peak(record.pid) if record is not None else 0.0
        app.engine.stop()
    return seconds, peak, engine


def _peak(pid: int) -> float:
    """The most memory that a process has held so far, in MiB; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _precision(bench: Bench) -> str:
    with SearchApp.open(bench.work / "precision", encoder=bench.encoder) as app:
        return app.encoders.load(app.settings.encoder).precision


def _cost_row(name: str, costs: Sequence[Cost], unit: str) -> list[str]:
    seconds, busy = median(one.seconds for one in costs), median(one.processor_seconds for one in costs)
    count = costs[0].count
    return [name, f"{count:,} {unit}", f"{seconds:.1f}", f"{count / seconds:.1f}", f"{busy:.1f}"]


def _ratios(ours: Sequence[Cost], theirs: Sequence[Cost]) -> list[float]:
    return [other.seconds / own.seconds for own, other in zip(ours, theirs, strict=True)]


def _spread(ratios: Sequence[float]) -> str:
    """The median, with the range where there are several."""
    span = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{median(ratios):.2f}{span}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure what an ingest costs.")
    parser.add_argument("what", choices=REPORTS)
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--limit", type=int, default=2500, help="Documents; 2,500 give 5,000 chunks.")
    parser.add_argument("--repeats", type=int, default=1, help="Turns of each side.")
    parser.add_argument("--sizes", default="10000,100000", help="Short documents, for memory.")
    parser.add_argument("--encoder", help="Another encoder than the default one.")
    parser.add_argument("--peers", type=Path, help="The interpreter of an environment with requirements-peers.txt.")
    parser.add_argument("--int8", action="store_true", help="Ours beside the peers in int8, too.")
    return parser


if __name__ == "__main__":
    main()
