"""Which generation became live when, and how it came to that: a line for each switch, written in its transaction."""

import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from search_app.catalog.store import Store
from search_app.catalog.tables import switches


class SwitchWay(StrEnum):
    """How it came that another generation is live."""

    FIRST = "first"
    GATE = "gate"
    NON_INFERIOR = "non-inferior"
    FORCE = "force"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class SwitchNote:
    """How a switch came about: `margin` is the loss that was put up with, `user` who asked for it."""

    way: SwitchWay
    user: str = ""
    margin: float | None = None


BY_FORCE = SwitchNote(SwitchWay.FORCE)  # nothing was compared


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that was made; `former_number` is None for the collection's first generation."""

    former_number: int | None
    number: int
    way: SwitchWay
    margin: float | None
    user: str
    created_at: float


class Switches:
    """The switches of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, collection_id: int) -> tuple[Switch, ...]:
        """Every switch of the collection, oldest first."""
        query = select(switches).where(switches.c.collection_id == collection_id).order_by(switches.c.id)
        with self._store.reading() as connection:
            return tuple(_switch_of(row) for row in connection.execute(query))


def note_switch(
    connection: Connection, collection_id: int, former_number: int | None, number: int, note: SwitchNote
) -> None:
    """Write a switch down, in the transaction that makes it."""
    row = asdict(note) | {
        "collection_id": collection_id,
        "former_number": former_number,
        "number": number,
        "way": note.way.value,
        "created_at": time.time(),
    }
    connection.execute(insert(switches), row)


def _switch_of(row: Row[Any]) -> Switch:
    values = dict(row._mapping)
    del values["id"], values["collection_id"]
    return Switch(**(values | {"way": SwitchWay(values["way"])}))
