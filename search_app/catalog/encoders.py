"""Which encoders this home knows, and where they lie.

A name stands for one fingerprint as long as it is known: no encoder changes behind a generation's back.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, select

from search_app.catalog.store import Store, upsert
from search_app.catalog.tables import encoders
from search_app.errors import CatalogError, UnknownEncoder


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """An encoder on disk; `report` tells how it was trained and is empty for one that wasn't trained here."""

    fingerprint: str
    name: str
    folder: str
    dim: int
    max_tokens: int
    created_at: float = field(default_factory=time.time)
    report: Mapping[str, Any] = field(default_factory=dict)


def _record(row: Row[Any]) -> EncoderRecord:
    return EncoderRecord(**row._mapping)


class Encoders:
    """The encoders of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, encoder: EncoderRecord) -> None:
        """Note an encoder; noting it again with the same fingerprint overwrites its folder and report.

        Raises:
            CatalogError: The name stands for an encoder with another fingerprint.
        """
        with self._store.writing() as connection:
            query = select(encoders.c.fingerprint).where(encoders.c.name == encoder.name)
            held = connection.execute(query).scalar()
            if held not in (None, encoder.fingerprint):
                raise CatalogError(
                    f"{encoder.name!r} stands for encoder {held[:12]}, not for {encoder.fingerprint[:12]}. "
                    "Give the new encoder another name."
                )
            row = {column.name: getattr(encoder, column.name) for column in encoders.columns}
            upsert(connection, encoders, [row], update=["folder", "report"])

    def find(self, name: str) -> EncoderRecord | None:
        """The encoder of this name, if there is one."""
        with self._store.reading() as connection:
            row = connection.execute(select(encoders).where(encoders.c.name == name)).first()
        return _record(row) if row else None

    def get(self, name: str) -> EncoderRecord:
        """The encoder of this name.

        Raises:
            UnknownEncoder: There is none; the sentence names those that there are.
        """
        encoder = self.find(name)
        if encoder is None:
            known = ", ".join(repr(encoder.name) for encoder in self.list()) or "none yet"
            raise UnknownEncoder(f"There is no encoder {name!r} in this home. It knows: {known}.")
        return encoder

    def list(self) -> tuple[EncoderRecord, ...]:
        """All encoders, oldest first."""
        query = select(encoders).order_by(encoders.c.created_at, encoders.c.name)
        with self._store.reading() as connection:
            return tuple(_record(row) for row in connection.execute(query))

    def remove(self, name: str) -> None:
        """Forget the name; the folder and the generations that the encoder filled stay as they are."""
        with self._store.writing() as connection:
            connection.execute(delete(encoders).where(encoders.c.name == name))
