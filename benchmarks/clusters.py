"""How well topics agree with groups that people made, beside k-means on sentence-transformers' own vectors.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.clusters

The texts are banking77's test part: 3,080 messages of bank customers with 77 intents. Both sides get the number of
groups and the same seeds. V-measure is 1 where groups and intents are the same, 0 where they have nothing in common.
"""

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer
from sklearn.cluster import KMeans
from sklearn.metrics import v_measure_score

from search_app.clusters import cluster
from search_app.config import DEFAULT_ENCODER
from search_app.twin.encoder import TwinEncoder
from search_app.twin.resolution import resolve

_SEEDS = (0, 1, 2)
_HEAD = ("V-measure, 77 groups", *(f"seed {seed}" for seed in _SEEDS), "mean", "seconds a grouping")


def main() -> None:
    """Prints one table in Markdown."""
    parser = argparse.ArgumentParser(description="Measure topics on groups that people made.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    arguments = parser.parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    print(report(*read_intents(arguments.data / "banking77" / "intents.csv")))


def read_intents(path: Path) -> tuple[list[str], list[str]]:
    """Texts and intents of the test part."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "test"]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def report(texts: Sequence[str], intents: Sequence[str]) -> str:
    """A row for the product's encoder and grouping, one for sentence-transformers and scikit-learn as they come."""
    count = len(set(intents))
    ours = TwinEncoder.load(DEFAULT_ENCODER).encode(texts)
    theirs = SentenceTransformer(str(resolve(DEFAULT_ENCODER)), device="cpu").encode(list(texts))
    rows = [
        ("twinsearch", *_scored(lambda seed: cluster(ours, count, seed)[0].tolist(), intents)),
        (
            "sentence-transformers, KMeans",
            *_scored(lambda seed: KMeans(count, n_init=5, random_state=seed).fit_predict(theirs).tolist(), intents),
        ),
    ]
    lines = [_HEAD, ("---",) * len(_HEAD), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scored(group: Callable[[int], list[int]], intents: Sequence[str]) -> list[str]:
    begun = time.perf_counter()
    scores = [float(v_measure_score(intents, group(seed))) for seed in _SEEDS]
    seconds = (time.perf_counter() - begun) / len(_SEEDS)
    return [*(f"{score:.3f}" for score in scores), f"{np.mean(scores):.3f}", f"{seconds:.1f}"]


if __name__ == "__main__":
    main()
