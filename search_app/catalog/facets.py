"""How often which values of metadata occur among the documents that a filter lets through.

Counts are exact and read from the catalogue; nothing is encoded or searched for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, func, select, text

from ingest.documents import MODIFIED, MetadataValue
from search_app.catalog.store import Store
from search_app.catalog.tables import documents
from search_app.catalog.words import condition_of
from search_app.filters import Filter, SqlCondition, to_sql

_VALUE_CHARACTERS = 80  # a longer one is a text, and nobody chooses by it
_FLAGS: Mapping[str, bool] = {"true": True, "false": False}
_COUNTED = """
    SELECT key, type, value, count(*) AS document_count,
        count(*) OVER (PARTITION BY key) AS value_count,
        row_number() OVER (PARTITION BY key ORDER BY count(*) DESC, value) AS place
    FROM documents, json_each(documents.metadata)
    WHERE documents.collection_id = :collection_id AND key <> :left_out
        AND type IN ('text', 'integer', 'true', 'false') AND length(value) <= :characters AND ({where})
    GROUP BY key, type, value
"""
_FIRST = "SELECT * FROM ({counted}) WHERE place <= :limit ORDER BY key, place"


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, and how many of the documents have it."""

    value: MetadataValue
    document_count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A field with its most frequent values; `value_count` is how many different ones there are."""

    field: str
    values: tuple[FacetValue, ...]
    value_count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What can be narrowed down among `document_count` documents; fields with only different values are left out."""

    document_count: int
    fields: tuple[Facet, ...]


class FacetCounts:
    """Counts over the metadata of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, collection_id: int, where: Filter | None = None, *, value_limit: int = 8) -> Facets:
        """The fields whose values people can choose by, with the most frequent values of each.

        Args:
            collection_id: Whose documents are counted.
            where: Only documents that this filter, which `check` lets pass, lets through.
            value_limit: Values of each field, at most.
        """
        condition = to_sql(where) if where is not None else SqlCondition("TRUE")
        own = {"collection_id": collection_id, "left_out": MODIFIED, "characters": _VALUE_CHARACTERS}
        counted = text(_FIRST.format(counted=_COUNTED.format(where=condition.text)))
        total = (
            select(func.count())
            .select_from(documents)
            .where(documents.c.collection_id == collection_id, condition_of(where))
        )
        with self._store.reading() as connection:
            rows = connection.execute(counted, {**condition.parameters, **own, "limit": value_limit}).all()
            facets = tuple(_facet(key, list(own)) for key, own in groupby(rows, key=lambda row: row.key))
            return Facets(connection.execute(total).scalar_one(), tuple(one for one in facets if _tells_apart(one)))


def _facet(field: str, rows: list[Row[Any]]) -> Facet:
    values = tuple(FacetValue(_FLAGS.get(row.type, row.value), row.document_count) for row in rows)
    return Facet(field, values, rows[0].value_count)


def _tells_apart(facet: Facet) -> bool:
    return facet.values[0].document_count > 1
