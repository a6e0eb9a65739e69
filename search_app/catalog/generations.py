"""The life of a generation: building -> ready -> live -> retired -> dropped.

A collection has at most one live generation, and the switch from one to the next is one transaction.
Physical names are never used twice, not even after a drop: a generation's row outlives its vectors.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ingest.chunking import ChunkingSettings
from search_app.catalog.chunks import delete_all_chunks
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.store import Store
from search_app.catalog.switches import BY_FORCE, SwitchNote, note_switch
from search_app.catalog.tables import collections, deletions, generation_documents, generations, switches
from search_app.errors import CatalogError, UnknownGeneration


class GenerationState(StrEnum):
    """Where a generation is in its life."""

    BUILDING = "building"
    READY = "ready"
    LIVE = "live"
    RETIRED = "retired"
    DROPPED = "dropped"


_BEFORE = {  # a generation comes to a state only from these
    GenerationState.READY: (GenerationState.BUILDING,),
    GenerationState.LIVE: (GenerationState.READY, GenerationState.RETIRED),
    GenerationState.RETIRED: (GenerationState.LIVE,),
    GenerationState.DROPPED: (
        GenerationState.BUILDING,
        GenerationState.READY,
        GenerationState.RETIRED,
        GenerationState.DROPPED,  # a drop that was interrupted is done again
    ),
}


@dataclass(frozen=True, slots=True)
class Generation:
    """One physical Milvus collection, filled by one encoder; `number` counts from 1 in its collection."""

    id: int
    collection_id: int
    number: int
    physical_name: str
    fingerprint: str
    encoder_name: str
    precision: str
    dim: int
    chunking: ChunkingSettings
    chunking_key: str
    state: GenerationState
    created_at: float
    ready_at: float | None
    live_at: float | None
    retired_at: float | None
    dropped_at: float | None
    evaluation: Mapping[str, Any] | None


def generation_of(row: Row[Any]) -> Generation:
    """The record of a row of `generations`."""
    values = dict(row._mapping)
    values["chunking"] = ChunkingSettings(**values["chunking"])
    values["state"] = GenerationState(values["state"])
    return Generation(**values)


def require_generation(connection: Connection, generation_id: int) -> Generation:
    """The generation with this id.

    Raises:
        UnknownGeneration: There is none.
    """
    row = connection.execute(select(generations).where(generations.c.id == generation_id)).first()
    if row is None:
        raise UnknownGeneration(
            f"There is no generation with id {generation_id}. It may have gone with its collection."
        )
    return generation_of(row)


def forget_held(connection: Connection, generation_id: int) -> None:
    """Forget what the generation holds and what must go from it: Milvus has nothing of it."""
    for table in (generation_documents, deletions):
        connection.execute(delete(table).where(table.c.generation_id == generation_id))


class Generations:
    """The generations of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, collection_id: int, *, encoder: EncoderRecord, precision: str, chunking: ChunkingSettings
    ) -> Generation:
        """The collection's next generation, building and empty."""
        with self._store.writing() as connection:
            query = select(collections.c.slug).where(collections.c.id == collection_id).with_for_update()
            slug = connection.execute(query).scalar_one()
            number = (
                1
                + connection.execute(
                    select(func.coalesce(func.max(generations.c.number), 0)).where(
                        generations.c.collection_id == collection_id
                    )
                ).scalar_one()
            )
            row = {
                "collection_id": collection_id,
                "number": number,
                "physical_name": f"twin_{slug}_{number}_{secrets.token_hex(4)}",
                "fingerprint": encoder.fingerprint,
                "encoder_name": encoder.name,
                "precision": precision,
                "dim": encoder.dim,
                "chunking": asdict(chunking),
                "chunking_key": chunking.key,
                "state": GenerationState.BUILDING.value,
                "created_at": time.time(),
            }
            connection.execute(insert(generations), row)
            return self._get(connection, collection_id, number)

    def get(self, collection_id: int, number: int) -> Generation:
        """The generation with this number.

        Raises:
            UnknownGeneration: There is none; the sentence names those that there are.
        """
        with self._store.reading() as connection:
            return self._get(connection, collection_id, number)

    def previous(self, collection_id: int) -> Generation | None:
        """The generation that was live before the one that is: where a rollback goes; whatever the clock says."""
        left = select(func.max(switches.c.id)).where(
            switches.c.collection_id == collection_id, switches.c.former_number == generations.c.number
        )
        query = (
            select(generations)
            .where(
                generations.c.collection_id == collection_id,
                generations.c.state == GenerationState.RETIRED.value,
            )
            .order_by(func.coalesce(left.scalar_subquery(), 0).desc(), generations.c.id.desc())
        )
        with self._store.reading() as connection:
            row = connection.execute(query).first()
        return generation_of(row) if row else None

    def mark_ready(self, generation_id: int) -> Generation:
        """The generation, complete and fit to go live."""
        with self._store.writing() as connection:
            return _advance(connection, generation_id, GenerationState.READY)

    def make_live(self, generation_id: int, note: SwitchNote = BY_FORCE) -> Generation | None:
        """Let this generation answer from now on; the one that did until now, retired, if there was one.

        Raises:
            CatalogError: The generation is neither ready nor retired.
        """
        with self._store.writing() as connection:
            collection_id = require_generation(connection, generation_id).collection_id
            pointer = collections.c.id == collection_id
            query = select(collections.c.live_generation_id).where(pointer).with_for_update()
            former_id = connection.execute(query).scalar_one()
            live = _advance(connection, generation_id, GenerationState.LIVE)
            connection.execute(update(collections).where(pointer).values(live_generation_id=generation_id))
            former = _advance(connection, former_id, GenerationState.RETIRED) if former_id is not None else None
            note_switch(connection, live.collection_id, former.number if former else None, live.number, note)
            return former

    def mark_dropped(self, generation_id: int) -> Generation:
        """The generation, gone from Milvus; what only it needed is forgotten.

        Raises:
            CatalogError: The generation is live.
        """
        with self._store.writing() as connection:
            dropped = _advance(connection, generation_id, GenerationState.DROPPED)
            forget_held(connection, generation_id)
            others = select(generations.c.id).where(
                generations.c.collection_id == dropped.collection_id,
                generations.c.chunking_key == dropped.chunking_key,
                generations.c.state != GenerationState.DROPPED.value,
            )
            if connection.execute(others).first() is None:
                delete_all_chunks(connection, dropped.collection_id, chunking_key=dropped.chunking_key)
            return dropped

    def record_evaluation(self, generation_id: int, evaluation: Mapping[str, Any]) -> Generation:
        """The generation with what the gate measured of it."""
        with self._store.writing() as connection:
            change = update(generations).where(generations.c.id == generation_id)
            connection.execute(change.values(evaluation=dict(evaluation)))
            return require_generation(connection, generation_id)

    def list(self, collection_id: int) -> tuple[Generation, ...]:
        """All generations of the collection by number, those that were dropped as well."""
        query = select(generations).where(generations.c.collection_id == collection_id).order_by(generations.c.number)
        with self._store.reading() as connection:
            return tuple(generation_of(row) for row in connection.execute(query))

    def _get(self, connection: Connection, collection_id: int, number: int) -> Generation:
        query = select(generations).where(generations.c.collection_id == collection_id)
        rows = {row.number: row for row in connection.execute(query.order_by(generations.c.number))}
        if number not in rows:
            known = ", ".join(map(str, rows)) or "none yet"
            raise UnknownGeneration(f"The collection has no generation {number}. It has: {known}.")
        return generation_of(rows[number])


def _advance(connection: Connection, generation_id: int, state: GenerationState) -> Generation:
    """The generation in its new state, with the time when it came there."""
    generation = require_generation(connection, generation_id)
    if generation.state not in _BEFORE[state]:
        expected = " or ".join(before.value for before in _BEFORE[state])
        raise CatalogError(
            f"Generation {generation.number} is {generation.state.value}, so it can't become {state.value}: "
            f"it would have to be {expected}."
        )
    values = {"state": state.value, f"{state.value}_at": time.time()}
    connection.execute(update(generations).where(generations.c.id == generation_id).values(values))
    return require_generation(connection, generation_id)
