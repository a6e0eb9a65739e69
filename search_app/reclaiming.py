"""Gives back the disk of generations that nobody will go back to, and of Milvus collections that nobody knows.

A generation that isn't live is kept for the soak time; one that was live is kept, besides, only until the next
switch. What is dropped is named physically, and only what carries this home's mark counts as unknown: a Milvus server
may hold the collections of other homes. Switches and ingests let go of those that were live by themselves.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.errors import CollectionInUse
from search_app.generations import Generations
from search_app.index import VectorIndex
from search_app.locks import building
from search_app.marks import HOME_PROPERTY

_SECONDS_PER_DAY = 86_400.0
_UNUSED = frozenset({GenerationState.BUILDING, GenerationState.READY, GenerationState.RETIRED})


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What was dropped, and what is kept as yet.

    Attributes:
        numbers: Of the collection's generations that were dropped.
        orphans: Milvus collections that no generation had.
        kept: Numbers of the generations that don't answer and aren't due.
    """

    collection: str
    numbers: tuple[int, ...]
    orphans: tuple[str, ...]
    kept: tuple[int, ...]


class Soak:
    """How long generations are kept, for the collections of one home."""

    def __init__(self, catalog: Catalog, index: VectorIndex, locks: Path, days: float) -> None:
        self._catalog = catalog
        self._index = index
        self._locks = locks
        self._days = days

    def reclaim(self, collection: str) -> Reclaimed:
        """Drops what is due, and what nobody knows.

        Raises:
            UnknownCollection: Nothing has that name.
            CollectionInUse: Another process builds a generation of the collection.
        """
        with building(self._locks, collection):
            numbers = self._drop_due(collection, _UNUSED)
            orphans = tuple(_orphans(self._catalog, self._index))
            for name in orphans:
                self._index.drop(name)
            return Reclaimed(collection, numbers, orphans, self._kept(collection))

    def let_go(self, collection: str) -> tuple[int, ...]:
        """Drops what is due of those that were live; nothing while another process builds."""
        try:
            with building(self._locks, collection):
                return self._drop_due(collection, {GenerationState.RETIRED})
        except CollectionInUse:
            return ()

    def _kept(self, collection: str) -> tuple[int, ...]:
        found = Generations(self._catalog, self._index).list(collection)
        return tuple(one.number for one in found if one.state in _UNUSED)

    def _drop_due(self, collection: str, states: Collection[GenerationState]) -> tuple[int, ...]:
        generations = Generations(self._catalog, self._index)
        way_back = self._catalog.generations.previous(self._catalog.collections.get(collection).id)
        found = due(generations.list(collection), way_back, self._days, now=time.time())
        numbers = tuple(one.number for one in found if one.state in states)
        for number in numbers:
            generations.drop(collection, number)
        return numbers


def due(
    generations: Sequence[Generation], way_back: Generation | None, soak_days: float, *, now: float
) -> tuple[Generation, ...]:
    """Those that needn't be kept any longer.

    Args:
        way_back: Where a rollback goes: of those that were live, the one that is kept.
        now: Seconds since 1970.
    """
    return tuple(
        one
        for one in generations
        if one.state in _UNUSED
        and (
            now - _since(one) > soak_days * _SECONDS_PER_DAY
            or (one.state is GenerationState.RETIRED and one != way_back)
        )
    )


def _since(generation: Generation) -> float:
    """When the generation came to the state that it is in."""
    return generation.retired_at or generation.ready_at or generation.created_at


def _orphans(catalog: Catalog, index: VectorIndex) -> Iterator[str]:
    names = index.names()  # before the catalogue is asked: another collection may just get a generation
    known = {
        generation.physical_name
        for one in catalog.collections.list()
        for generation in catalog.generations.list(one.id)
        if generation.state is not GenerationState.DROPPED
    }
    for name in names:
        if name not in known and index.properties(name).get(HOME_PROPERTY) == catalog.home_id:
            yield name
