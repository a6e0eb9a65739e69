"""Gives back the disk of generations that nobody will go back to, and of Milvus collections that nobody knows.

A generation that isn't live is kept for the soak time; one that was live is kept, besides, only until the next
switch. What is dropped is named physically, and only what carries this home's mark counts as unknown: a Milvus server
may hold the collections of other homes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.generations import Generations
from search_app.index import VectorIndex
from search_app.writing import HOME_PROPERTY

_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What was dropped: generations of the collection by number, and Milvus collections that no generation has."""

    collection: str
    numbers: tuple[int, ...]
    orphans: tuple[str, ...]


def reclaim(catalog: Catalog, index: VectorIndex, collection: str, soak_days: float) -> Reclaimed:
    """Drops what is due; the caller holds the lock of those who build.

    Raises:
        UnknownCollection: Nothing has that name.
    """
    generations = Generations(catalog, index)
    numbers = tuple(one.number for one in due(generations.list(collection), soak_days, now=time.time()))
    for number in numbers:
        generations.drop(collection, number)
    orphans = tuple(_orphans(catalog, index))
    for name in orphans:
        index.drop(name)
    return Reclaimed(collection, numbers, orphans)


def due(generations: Sequence[Generation], soak_days: float, *, now: float) -> tuple[Generation, ...]:
    """Those that needn't be kept any longer.

    Args:
        now: Seconds since 1970.
    """
    retired = [one for one in generations if one.state is GenerationState.RETIRED]
    latest = max(retired, key=lambda one: one.retired_at or 0.0, default=None)
    return tuple(
        one
        for one in generations
        if one.state not in (GenerationState.LIVE, GenerationState.DROPPED)
        and (now - _since(one) > soak_days * _SECONDS_PER_DAY or (one in retired and one is not latest))
    )


def _since(generation: Generation) -> float:
    """When the generation came to the state that it is in."""
    return generation.retired_at or generation.ready_at or generation.created_at


def _orphans(catalog: Catalog, index: VectorIndex) -> Iterator[str]:
    known = {
        generation.physical_name
        for one in catalog.collections.list()
        for generation in catalog.generations.list(one.id)
        if generation.state is not GenerationState.DROPPED
    }
    for name in index.names():
        if name not in known and index.properties(name).get(HOME_PROPERTY) == catalog.home_id:
            yield name
