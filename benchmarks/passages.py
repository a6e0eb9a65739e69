"""Short texts to measure with, from public collections in the layout of BEIR.

A passage is a run of words of an abstract; neighbours share some, and no two are the same. A vector of a passage may be
a random one: what an exact search costs doesn't depend on where vectors point.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_COLLECTIONS = ("scifact", "nfcorpus")


def documents(data: Path) -> Iterator[dict[str, str]]:
    """The documents of SciFact, each with _id, title and text."""
    with (data / "scifact" / "corpus.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def queries(data: Path) -> list[str]:
    """The queries of SciFact, in their order, each once: a page doesn't search again for what stands in its box."""
    with (data / "scifact" / "queries.jsonl").open(encoding="utf-8") as lines:
        return list(dict.fromkeys(json.loads(line)["text"] for line in lines))


def passages(data: Path, count: int, *, words: int, step: int) -> list[str]:
    """The first passages of so many words, each beginning `step` words after the one before.

    Raises:
        ValueError: The collections hold fewer.
    """
    found = list(islice(dict.fromkeys(_windows(data, words, step)), count))
    if len(found) < count:
        raise ValueError(f"{data} gives {len(found):,} passages of {words} words; {count:,} were asked for.")
    return found


def write_passages(file: Path, texts: list[str]) -> None:
    """A file to ingest: a line of JSON for each text."""
    with file.open("w", encoding="utf-8") as lines:
        for number, text in enumerate(texts):
            lines.write(json.dumps({"id": str(number), "text": text}, ensure_ascii=False) + "\n")


def read_passages(file: Path) -> list[str]:
    """The texts of such a file."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def random_rows(count: int, dim: int, *, seed: int = 1) -> NDArray[np.float32]:
    """Unit rows in random directions, (count, dim)."""
    rows = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _windows(data: Path, words: int, step: int) -> Iterator[str]:
    for name in _COLLECTIONS:
        with (data / name / "corpus.jsonl").open(encoding="utf-8") as lines:
            for document in map(json.loads, lines):
                all_words = document["text"].split()
                for start in range(0, max(1, len(all_words) - words + 1), step):
                    yield " ".join(all_words[start : start + words])
