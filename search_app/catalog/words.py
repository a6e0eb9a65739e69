"""Searches by words: BM25 over the chunks that a generation holds.

Scores are BM25's with k1 = 1.2 and b = 0.75, larger is better; they are sums over the words of a query, so they
compare the passages of one query and nothing else.
"""

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text
from sqlalchemy.sql.expression import TextClause

from search_app.catalog.generations import Generation
from search_app.catalog.passages import held_chunks
from search_app.catalog.store import Store
from search_app.catalog.tables import chunks
from search_app.catalog.word_check import rebuild_words, word_problem
from search_app.catalog.word_index import has_words, word_table, word_table_names
from search_app.errors import QueryError
from search_app.filters import Filter, to_sql


@dataclass(frozen=True, slots=True)
class FoundByWords:
    """A chunk that has words of the query."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Which chunks may answer: all, or those that match the filter; `chunk_ids` lists these where they are few."""

    where: Filter | None = None
    chunk_ids: tuple[str, ...] | None = None


_EVERYTHING = Scope()


class Words:
    """The word indexes of every collection of the home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def are_indexed(self) -> bool:
        """Whether this database can be searched by words."""
        with self._store.reading() as connection:
            return has_words(connection)

    def search(
        self, generation: Generation, expression: str, *, limit: int, scope: Scope = _EVERYTHING
    ) -> list[FoundByWords]:
        """The chunks with the best words, by falling score, then as they came in.

        Args:
            generation: Whose chunks are searched.
            expression: From `lexical.match_expression`; "" finds nothing.
            limit: The most chunks to give.
            scope: Only these chunks; its filter is one that `check` lets pass.

        Raises:
            QueryError: This database has no word index.
        """
        words = word_table(generation.collection_id, generation.chunking_key)
        query = (
            select(chunks.c.id, words.c.rank)
            .select_from(held_chunks(generation).join(words, words.c.rowid == chunks.c.pk))
            .where(words.c[words.name].op("MATCH")(expression), _within(scope))
            .order_by(words.c.rank)
            .limit(limit)
        )
        with self._store.reading() as connection:
            if not expression or not _is_there(connection, words.name):
                return []
            return [FoundByWords(row.id, -row.rank) for row in connection.execute(query)]

    def problem(self, generation: Generation) -> str | None:
        """What is wrong with the index of the generation's chunks; None if nothing is."""
        with self._store.writing() as connection:
            return word_problem(connection, generation)

    def rebuild(self, generation: Generation) -> None:
        """Make the index of the generation's chunks anew."""
        with self._store.writing() as connection:
            rebuild_words(connection, generation)


def _within(scope: Scope) -> ColumnElement[bool] | TextClause:
    """Ids are looked up in a list, a filter is asked of one chunk after the other until there are enough."""
    if scope.chunk_ids is None:
        return condition_of(scope.where)
    listed = func.json_each(json.dumps(scope.chunk_ids)).table_valued("value")
    return chunks.c.id.in_(select(listed.c.value))


def condition_of(where: Filter | None) -> TextClause:
    """The filter as a condition on `documents`; true for none."""
    if where is None:
        return text("TRUE")
    condition = to_sql(where)
    return text(condition.text).bindparams(*(bindparam(name, value) for name, value in condition.parameters.items()))


def _is_there(connection: Connection, name: str) -> bool:
    if not has_words(connection):
        raise QueryError("The catalogue's database has no word index, which SQLite has. Search with --mode dense.")
    return bool(word_table_names(connection, name))
