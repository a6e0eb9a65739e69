"""Which rows meet in a batch, decided before training begins.

A plan is a list of batches of row numbers for the whole run, all epochs. It depends on the rows, the settings and
the seed alone, so a resumed run goes on with the very batch that an undisturbed one would have taken.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Protocol

from search_app.twin.examples import Example, same_text

Plan = list[list[int]]
_ROWS_PER_CLASS = 4  # that come into a batch together, so that a class meets itself there


class Order(Protocol):
    """How one epoch's rows become batches."""

    def __call__(self, rows: Sequence[Example], batch_size: int, shuffled: Sequence[int], /) -> Iterator[list[int]]:
        """Batches of row numbers; `shuffled` is the order in which the rows come in this epoch."""


def plan_batches(rows: Sequence[Example], batch_size: int, *, order: Order, epochs: int = 1, seed: int = 0) -> Plan:
    """The batches of a whole run, none larger than `batch_size`; every epoch has its own order."""
    plan: Plan = []
    for epoch in range(epochs):
        shuffled = list(range(len(rows)))
        random.Random(f"{seed}/{epoch}").shuffle(shuffled)
        plan += order(rows, batch_size, shuffled)
    return plan


def in_order(_rows: Sequence[Example], batch_size: int, shuffled: Sequence[int]) -> Iterator[list[int]]:
    """Batches for losses that look at one row at a time, or at labels only."""
    for start in range(0, len(shuffled), batch_size):
        yield list(shuffled[start : start + batch_size])


def apart(rows: Sequence[Example], batch_size: int, shuffled: Sequence[int]) -> Iterator[list[int]]:
    """Batches in which no row's text is an answer to another's: each query and each positive stands there once.

    Two positives of one query never meet, not even as the positives of two queries; rows may have a negative in common,
    which is wrong for both. A row that meets nobody, left over at the end, is left out: it has nothing to be
    contrasted with.
    """
    leading = [{same_text(text) for text in row.texts[:2]} for row in rows]
    texts = [{same_text(text) for text in row.texts} for row in rows]
    answers: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        answers[same_text(row.texts[0])].add(same_text(row.texts[1]))
    waiting = dict.fromkeys(shuffled)
    while waiting:
        batch: list[int] = []
        present: set[str] = set()
        barred: set[str] = set()  # queries, positives, and whatever else answers the queries
        for number in waiting:
            own = leading[number] | answers[same_text(rows[number].texts[0])]
            if own.isdisjoint(present) and texts[number].isdisjoint(barred):
                batch.append(number)
                present |= texts[number]
                barred |= own
            if len(batch) == batch_size:
                break
        for number in batch:
            del waiting[number]
        if len(batch) > 1:
            yield batch


def by_class(rows: Sequence[Example], batch_size: int, shuffled: Sequence[int]) -> Iterator[list[int]]:
    """Batches in which classes meet themselves and others: a few rows of each at a time."""
    members: defaultdict[float | None, list[int]] = defaultdict(list)
    for number in shuffled:
        members[rows[number].label].append(number)
    groups = [
        numbers[start : start + _ROWS_PER_CLASS]
        for numbers in members.values()
        for start in range(0, len(numbers), _ROWS_PER_CLASS)
    ]
    place = {number: position for position, number in enumerate(shuffled)}
    groups.sort(key=lambda group: place[group[0]])  # else the classes would come one after another
    yield from in_order(rows, batch_size, [number for group in groups for number in group])
