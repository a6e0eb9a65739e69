"""What training learns from: rows of texts, whose shape says which losses fit.

A set of examples has one shape. The first text of a row is the anchor, the others are what it is compared with: its
partner, or its positive and then its negatives. Rows come from files (`example_files`), from judgements and from the
corpus itself (`corpus_pairs`); nothing here reads anything.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from search_app.twin.findings import Finding

_FEWEST_TO_SPLIT = 20  # anchors; with fewer, every one is worth more in training than as a measure
_MOST_HELD_OUT = 500  # anchors; more cost time at every evaluation and say no more


class Shape(Enum):
    """What the rows of a set are; the value is how people write its columns."""

    LABELLED_PAIRS = "sentence1,sentence2,label"
    SCORED_PAIRS = "sentence1,sentence2,score"
    CLASSIFIED_PAIRS = "premise,hypothesis,label"
    TRIPLETS = "anchor,positive,negative"
    QUERIES = "query,positive"
    CLASSES = "text,label"
    TEXTS = "text"


RANKED = frozenset({Shape.TRIPLETS, Shape.QUERIES})  # anchor, positive, any number of negatives


@dataclass(frozen=True, slots=True)
class Example:
    """One row.

    Attributes:
        texts: A pair; an anchor or query, its positive and any number of negatives; or one text.
        label: 0 or 1, a score, or the number of a class; None where the order of the texts says it all.
    """

    texts: tuple[str, ...]
    label: float | None = None


def query_positive(query: str, positive: str, negatives: Iterable[str] = ()) -> Example:
    """A row of `Shape.QUERIES`: a passage that answers the query, and passages that don't."""
    return Example((query, positive, *negatives))


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query with passages that answer it; what judgements, files and the corpus alike become examples by.

    Attributes:
        query: As it is typed.
        answers: Passages to learn from, by the id of their document, or by any key that no document has.
        known: Documents that were judged for the query besides; none of them is an unknown negative.
        rejected: Passages that people found to be no answer, the best ranked first.
    """

    query: str
    answers: Mapping[str, str]
    known: frozenset[str] = frozenset()
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where examples come from; training doesn't look at it.

    Attributes:
        counts: How many came from what: "judgements", "mined negatives" and so on.
        columns: Of a file, each with what it was taken for.
        findings: What was noticed while they were gathered.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of one shape.

    Attributes:
        shape: What all rows are.
        rows: To train on.
        held_out: To measure on while training; empty: a part of `rows` is set aside.
        classes: The names of the classes by their number, where labels are classes.
        score_range: Lowest and highest score in the source, where labels are scores.
        provenance: Where they come from.
    """

    shape: Shape
    rows: tuple[Example, ...]
    held_out: tuple[Example, ...] = ()
    classes: tuple[str, ...] = ()
    score_range: tuple[float, float] | None = None
    provenance: Provenance = Provenance()

    @property
    def digest(self) -> str:
        """SHA-256 of all that training sees, the same in every process."""
        parts = [[(row.texts, row.label) for row in rows] for rows in (self.rows, self.held_out)]
        seen = json.dumps([self.shape.value, self.classes, parts])
        return hashlib.sha256(seen.encode()).hexdigest()


def same_text(text: str) -> str:
    """What two texts have in common that differ only in case and white space."""
    return " ".join(text.casefold().split())


def shared_words(left: str, right: str) -> float:
    """Words of both over words of either, in [0, 1]; case and order don't count."""
    return overlap_of(words_of(left), words_of(right))


def words_of(text: str) -> frozenset[str]:
    """The different words of a text, without case."""
    return frozenset(same_text(text).split())


def overlap_of(left: frozenset[str], right: frozenset[str]) -> float:
    """The size of what two sets share over the size of both together, in [0, 1]; 0 for two empty ones."""
    return len(left & right) / max(len(left | right), 1)


def set_aside(examples: Examples, *, share: float, seed: int) -> Examples:
    """The same rows, with a share of them held out: all rows of an anchor on one side.

    Examples that have a held-out part already, or fewer than 20 different anchors, come back as they are.
    """
    anchors = sorted({same_text(row.texts[0]) for row in examples.rows})
    if examples.held_out or share == 0 or len(anchors) < _FEWEST_TO_SPLIT:
        return examples
    count = min(max(round(share * len(anchors)), 2), _MOST_HELD_OUT)
    chosen = set(random.Random(seed).sample(anchors, count))
    held_out = tuple(row for row in examples.rows if same_text(row.texts[0]) in chosen)
    rows = tuple(row for row in examples.rows if same_text(row.texts[0]) not in chosen)
    return replace(examples, rows=rows, held_out=held_out)
