"""Documents and their copies as a person goes through them: a page at a time, filtered, with what became of each.

A document is committed when the generation that is asked for holds its current version, else pending. A copy is as its
original is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from search_app.catalog.generations import Generation
from search_app.catalog.passages import held_chunks
from search_app.catalog.store import Store, pieces
from search_app.catalog.tables import aliases, chunks, documents, generation_documents

_ESCAPE = "\\"
_ANY = {"*": ".*", "?": "."}


class DocumentState(StrEnum):
    """What became of a document."""

    PENDING = "pending"
    COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document or a copy; `original_id` is None for the former, `truncated_tokens` counts what no encoder saw."""

    id: str
    title: str
    source: str
    state: DocumentState
    original_id: str | None
    chunk_count: int
    truncated_tokens: int


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """Which documents to list.

    Args:
        like: A pattern for id or source, in which * stands for anything and ? for one character.
        state: Only those in this state.
        is_truncated: Only those of which the encoder didn't see all.
    """

    like: str | None = None
    state: DocumentState | None = None
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: `limit` rows after the first `offset`."""

    offset: int = 0
    limit: int = 50


_ALL = ListingFilter()
_FIRST = Page()


class Listing:
    """The lists of documents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, generation: Generation, max_tokens: int, which: ListingFilter = _ALL, page: Page = _FIRST
    ) -> tuple[ListedDocument, ...]:
        """Documents and copies in the order in which they first came in.

        Args:
            generation: What they are committed in, or not.
            max_tokens: What its encoder reads of a chunk.
            which: Only these.
            page: Only so many.
        """
        cut = _cut(generation, max_tokens)
        both = union_all(_documents(generation, cut), _aliases(generation, cut)).subquery()
        query = (
            select(both)
            .where(*_conditions(both, which))
            .order_by(both.c.pk, both.c.original_id.is_not(None), both.c.id)
        )
        with self._store.reading() as connection:
            return tuple(
                ListedDocument(
                    row.id,
                    row.title,
                    row.source,
                    DocumentState(row.state),
                    row.original_id,
                    row.chunk_count or 0,
                    row.truncated_tokens or 0,
                )
                for row in connection.execute(query.offset(page.offset).limit(page.limit))
            )

    def ids_like(self, collection_id: int, pattern: str) -> tuple[str, ...]:
        """The ids of documents and copies of which id or source match the pattern, in upper and lower case as it is."""
        found = [
            select(of.c.id, of.c.source).where(of.c.collection_id == collection_id, _is_like(of, pattern))
            for of in (documents, aliases)
        ]
        is_alike = re.compile("".join(_ANY.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL).fullmatch
        with self._store.reading() as connection:
            rows = connection.execute(union_all(*found).order_by("id"))
            return tuple(row.id for row in rows if is_alike(row.id) or is_alike(row.source))  # LIKE has no case

    def known_ids(self, collection_id: int, ids: Sequence[str]) -> set[str]:
        """Those of these ids that a document or a copy has."""
        with self._store.reading() as connection:
            return {
                found
                for of in (documents, aliases)
                for some in pieces(ids)
                for found in connection.execute(
                    select(of.c.id).where(of.c.collection_id == collection_id, of.c.id.in_(some))
                ).scalars()
            }

    def truncated_tokens(self, generation: Generation, max_tokens: int) -> int:
        """Tokens of the generation's chunks that an encoder which reads `max_tokens` of each never saw."""
        query = select(func.coalesce(func.sum(chunks.c.token_count - max_tokens), 0)).select_from(
            held_chunks(generation)
        )
        with self._store.reading() as connection:
            return int(connection.execute(query.where(chunks.c.token_count > max_tokens)).scalar_one())


def _cut(generation: Generation, max_tokens: int) -> Subquery:
    """Chunks and lost tokens of each document."""
    lost = case((chunks.c.token_count > max_tokens, chunks.c.token_count - max_tokens), else_=0)
    columns = (chunks.c.document_pk, func.count().label("chunk_count"), func.sum(lost).label("truncated_tokens"))
    own = chunks.c.chunking_key == generation.chunking_key
    return select(*columns).where(own).group_by(chunks.c.document_pk).subquery()


def _documents(generation: Generation, cut: Subquery) -> Select[Any]:
    own = (documents.c.id, documents.c.title, documents.c.source, null().label("original_id"))
    return _rows(generation, documents, own, cut)


def _aliases(generation: Generation, cut: Subquery) -> Select[Any]:
    named = documents.join(aliases, aliases.c.document_pk == documents.c.pk)
    own = (aliases.c.id, documents.c.title, aliases.c.source, documents.c.id.label("original_id"))
    return _rows(generation, named, own, cut)


def _rows(generation: Generation, source: FromClause, own: Sequence[ColumnElement[Any]], cut: Subquery) -> Select[Any]:
    is_held = and_(
        generation_documents.c.generation_id == generation.id,
        generation_documents.c.document_id == documents.c.id,
        generation_documents.c.content_hash == documents.c.content_hash,
    )
    is_committed = generation_documents.c.document_id.is_not(None)
    state = case((is_committed, literal(DocumentState.COMMITTED.value)), else_=literal(DocumentState.PENDING.value))
    joined = source.outerjoin(generation_documents, is_held).outerjoin(cut, cut.c.document_pk == documents.c.pk)
    columns = (documents.c.pk, *own, state.label("state"), cut.c.chunk_count, cut.c.truncated_tokens)
    return select(*columns).select_from(joined).where(documents.c.collection_id == generation.collection_id)


def _conditions(of: Subquery, which: ListingFilter) -> tuple[ColumnElement[bool], ...]:
    return (
        _is_like(of, which.like) if which.like is not None else true(),
        of.c.state == which.state.value if which.state is not None else true(),
        of.c.truncated_tokens > 0 if which.is_truncated else true(),
    )


def _is_like(of: Table | Subquery, pattern: str) -> ColumnElement[bool]:
    escaped = pattern.replace(_ESCAPE, _ESCAPE * 2).replace("%", f"{_ESCAPE}%").replace("_", f"{_ESCAPE}_")
    like = escaped.replace("*", "%").replace("?", "_")
    return or_(false(), *(of.c[name].like(like, escape=_ESCAPE) for name in ("id", "source")))
