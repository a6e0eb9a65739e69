"""What training is worth: the STS benchmark, a retrieval collection, and an encoder from nothing.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.training sts|scifact|lstm [--seeds 3]
        [--beside-sentence-transformers] [--work FOLDER] [--max-steps N]

Test parts are used to report only; `recipes` says on what each recipe was chosen. A work folder that is named keeps
encoders and vectors, so that a second run only prints. Prints tables in Markdown.
"""

import argparse
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import torch

from benchmarks.training import lstm, scifact, sts
from benchmarks.training.trainers import TRAINERS, Bench

REPORTS = {"sts": sts.report, "scifact": scifact.report, "lstm": lstm.report}


def main() -> None:
    """Trains what isn't trained yet, measures, and prints the tables."""
    arguments = _parser().parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    with ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-bench-")))
        trainers = list(TRAINERS) if arguments.beside_sentence_transformers else list(TRAINERS)[:1]
        bench = Bench(arguments.data, work, tuple(trainers), range(arguments.seeds), arguments.max_steps)
        print(REPORTS[arguments.what](bench), _machine(), sep="\n\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure what training is worth on public test collections.")
    parser.add_argument("what", choices=REPORTS)
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--work", type=Path, help="A folder to keep; a temporary one by default.")
    parser.add_argument("--seeds", type=int, default=1, help="Runs of each trainer.")
    parser.add_argument("--beside-sentence-transformers", action="store_true", help="The same with its trainer.")
    parser.add_argument("--max-steps", type=int, help="End every run early, to compare times; figures mean nothing.")
    return parser


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.machine()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}."
    )


if __name__ == "__main__":
    main()
