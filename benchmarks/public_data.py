"""Public test collections as benchmarks need them.

A passage is "title text", as the published figures were measured. Queries are known by their text.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search_app.evaluation import Qrels, read_qrels
from search_app.twin.example_files import read_examples
from search_app.twin.examples import Example, Examples

_BEST_SCORE = 5  # of the STS benchmark


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents to search, and who was judged to answer what.

    Attributes:
        passages: Document id -> what is encoded.
        qrels: Part ("train", "test") -> query -> document id -> grade.
    """

    name: str
    passages: Mapping[str, str]
    qrels: Mapping[str, Qrels]


def read_collection(folder: Path) -> Collection:
    """A folder in the layout of BEIR."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    passages = {document["_id"]: f"{document['title']} {document['text']}".strip() for document in documents}
    parts = {path.stem: read_qrels(folder / "queries.jsonl", path) for path in (folder / "qrels").glob("*.tsv")}
    return Collection(folder.name, passages, parts)


def sts_pairs(data: Path) -> Examples:
    """The scored pairs to train on; none of them shares a sentence with the STS benchmark's dev or test part."""
    return read_examples(data / "sts-train-mix" / "pairs.csv")


def sts_test(data: Path) -> tuple[Example, ...]:
    """The test part of the STS benchmark, scores in [0, 1]."""
    rows = (row for row in sts_rows(data) if row["split"] == "test")
    return tuple(Example((row["sentence1"], row["sentence2"]), float(row["score"]) / _BEST_SCORE) for row in rows)


def sts_rows(data: Path) -> list[dict[str, str]]:
    """The STS benchmark with all its parts."""
    return read_table(data / "stsb" / "pairs.csv")


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, by column."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
