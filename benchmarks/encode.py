"""How fast texts become vectors in each precision, beside sentence-transformers, and how near they stay to float32.

    python -m benchmarks.encode [--retrieval] [--data FOLDER] [--threads 2] [--texts 400] [--queries 30] [--rounds 5]
        [--encoder NAME] [--work FOLDER]

Every side encodes the same texts and queries once in each round, one side after the other. Figures are medians over
the rounds, and so are the ratios to sentence-transformers in the same round. Prints Markdown.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import torch

from benchmarks.figures import table
from benchmarks.measuring import search_quality
from benchmarks.public_data import Collection, read_collection
from benchmarks.sides import THEIRS, OurEncoders, Side, precisions_here, sentence_transformers
from benchmarks.texts import Texts, calibration_sample, choose_texts
from benchmarks.training.tables import percent
from search_app.config import DEFAULT_ENCODER
from search_app.evaluation import GATE_METRIC
from search_app.twin.encoder import Vectors

COLLECTIONS = ("scifact", "nfcorpus")
_DATA_HELP = "Public collections in the layout of BEIR; without it, docstrings are encoded."
_COLUMNS = ("tokens/s", "ratio", "one query, ms", "ratio", "least cosine to fp32", "mean")


@dataclass(slots=True)
class Measured:
    """One side's seconds in each round, for all texts and for the middle one of the queries."""

    vectors: Vectors
    all_texts: list[float] = field(default_factory=list)
    one_query: list[float] = field(default_factory=list)


def main() -> None:
    """Measures, and prints the table."""
    arguments = _parser().parse_args()
    if arguments.retrieval and (arguments.data is None or not arguments.data.is_dir()):
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)  # of the tokenizer, which reads it at its first batch
    torch.set_num_threads(arguments.threads)
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-bench-")))
        ours = OurEncoders(arguments.encoder, work)
        texts = choose_texts(arguments.data, arguments.texts, arguments.queries)
        print(speed_report(ours, sentence_transformers(arguments.encoder), texts, arguments.rounds))
        if arguments.retrieval:
            print("", retrieval_report(ours, arguments.data, work / "vectors"), sep="\n")
        print("", _conditions(texts, arguments.encoder, arguments.rounds), sep="\n")


def speed_report(ours: OurEncoders, theirs: Side | None, texts: Texts, rounds: int) -> str:
    """A row for sentence-transformers and one for every precision."""
    lacking = precisions_here()
    sides = [] if theirs is None else [theirs]
    for precision in (one for one, lack in lacking.items() if lack is None):
        sides.append(Side(precision, ours.load(precision, texts.calibration).encode))
    measured = measure(sides, texts, rounds)
    tokens = sum(min(count, ours.exact.max_tokens) for count in ours.exact.token_counts(texts.passages))
    names = dict.fromkeys([THEIRS, *lacking])
    rows = [
        _row(name, measured, tokens) if name in measured else _empty_row(name, lacking.get(name) or "not installed")
        for name in names
    ]
    return table((f"{len(texts.passages)} texts, {tokens:,} tokens", *_COLUMNS), rows)


def measure(sides: Sequence[Side], texts: Texts, rounds: int) -> Mapping[str, Measured]:
    """What every side needs for the same work, in turns; the order is reversed from round to round."""
    measured = {side.name: Measured(side.encode(texts.passages)) for side in sides}  # warms up, too
    for number in range(rounds):
        for side in sides if number % 2 == 0 else sides[::-1]:
            own = measured[side.name]
            own.all_texts.append(_seconds(side.encode, texts.passages))
            own.one_query.append(median(_seconds(side.encode, [query]) for query in texts.queries))
    return measured


def retrieval_report(ours: OurEncoders, data: Path, vectors: Path) -> str:
    """nDCG@10 on the test parts, every vector compared; int8 is calibrated on each collection's own passages."""
    collections = [read_collection(data / name) for name in COLLECTIONS]
    rows: list[tuple[str, ...]] = []
    for precision, lack in precisions_here().items():
        if lack is None:
            rows.append((precision, *(percent(_quality(ours, precision, one, vectors)) for one in collections)))
        else:
            rows.append((precision, lack, ""))
    return table(("nDCG@10, test", *COLLECTIONS), rows)


def _quality(ours: OurEncoders, precision: str, collection: Collection, vectors: Path) -> float:
    encoder = ours.load(precision, calibration_sample(list(collection.passages.values())))
    return search_quality(encoder, collection, vectors).metrics[GATE_METRIC]


def _row(name: str, measured: Mapping[str, Measured], tokens: int) -> tuple[str, ...]:
    own, theirs = measured[name], measured.get(THEIRS)
    cosines = (own.vectors * measured["fp32"].vectors).sum(axis=1)
    ratios = ("", "")
    if theirs is not None:
        ratios = (f"{_times_faster(theirs, own):.2f}", f"{_share_of_query(theirs, own):.2f}")
    return (
        name,
        f"{tokens / median(own.all_texts):,.0f}",
        ratios[0],
        f"{median(own.one_query) * 1000:.2f}",
        ratios[1],
        f"{cosines.min():.6f}",
        f"{cosines.mean():.6f}",
    )


def _empty_row(name: str, reason: str) -> tuple[str, ...]:
    return (name, reason, *[""] * (len(_COLUMNS) - 1))


def _times_faster(theirs: Measured, own: Measured) -> float:
    return median(slow / fast for slow, fast in zip(theirs.all_texts, own.all_texts, strict=True))


def _share_of_query(theirs: Measured, own: Measured) -> float:
    return median(fast / slow for slow, fast in zip(theirs.one_query, own.one_query, strict=True))


def _seconds(encode: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> float:
    begun = time.perf_counter()
    encode(texts)
    return time.perf_counter() - begun


def _conditions(texts: Texts, encoder: str, rounds: int) -> str:
    """What the figures hold for."""
    versions = (f"{name} {_version(name)}" for name in ("torch", "openvino", THEIRS))
    return (
        f"{encoder} on texts from {texts.source}, {rounds} rounds, {torch.get_num_threads()} threads of "
        f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} at the end), Python {platform.python_version()}, "
        f"{', '.join(versions)}."
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure how fast texts become vectors.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"), help=_DATA_HELP)
    parser.add_argument("--retrieval", action="store_true", help="Also nDCG@10 in every precision; takes long.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--encoder", default=DEFAULT_ENCODER)
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    return parser


if __name__ == "__main__":
    main()
