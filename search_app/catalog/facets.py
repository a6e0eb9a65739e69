"""How often which values of metadata occur among the documents that a filter lets through.

Counts are exact and read from the catalogue; nothing is encoded or searched for them. They are kept until anything is
committed to the catalogue, because a page asks for the same ones with every search.
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
_KEPT = 32  # counts, of as many collections and filters
_FIRST = "SELECT * FROM ({counted}) WHERE place <= :limit ORDER BY key, place"

_Key = tuple[int, str, int]  # collection, filter, values of each field


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
        self._kept: dict[_Key, tuple[int, Facets]] = {}

    def of(self, collection_id: int, where: Filter | None = None, *, value_limit: int = 8) -> Facets:
        """The fields whose values people can choose by, with the most frequent values of each.

        Args:
            collection_id: Whose documents are counted.
            where: Only documents that this filter, which `check` lets pass, lets through.
            value_limit: Values of each field, at most.
        """
        key, stamp = (collection_id, repr(where), value_limit), self._store.stamp()  # 1 and True are equal, not alike
        kept = self._kept.get(key)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        counted = self._counted(collection_id, where, value_limit)
        if stamp is not None:  # of before the counting, so that what was committed meanwhile is counted next time
            self._keep(key, (stamp, counted))
        return counted

    def _keep(self, key: _Key, kept: tuple[int, Facets]) -> None:
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[key] = kept

    def _counted(self, collection_id: int, where: Filter | None, value_limit: int) -> Facets:
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
