"""The word index: SQLite's FTS5 beside the chunks, in the same file and the same transactions.

A table for each collection and chunking, so that BM25 counts words in what a query searches and nowhere else.
The tables keep no text of their own: who takes a chunk out must say what went in. So both ways read the same
rows of `chunks` and `documents`, and a chunk goes out before its rows change.
This is for SQLite only. On another database nothing is written here, and a search by words is refused.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Select, TableClause, column, func, insert, literal, select, table, text, true

from search_app.catalog.store import pieces
from search_app.catalog.tables import chunks, documents

TOKENIZER = "porter unicode61 remove_diacritics 2"

_COLUMNS = ("title", "headings", "text")
_RANK = "bm25(2.0, 1.0, 1.0)"  # a word of the title counts twice: +0.2 to +2.4 points of nDCG@10 on three collections
_CREATE = f"CREATE VIRTUAL TABLE {{name}} USING fts5(title, headings, text, content='', tokenize='{TOKENIZER}')"


def has_words(connection: Connection) -> bool:
    """Whether this database can have a word index."""
    return connection.dialect.name == "sqlite"


def word_table(collection_id: int, chunking_key: str) -> TableClause:
    """The index of a collection that is cut in one way; it is there once a chunk is."""
    name = f"words_{collection_id}_{chunking_key}"
    return table(name, column("rowid"), column("rank"), column(name), *map(column, _COLUMNS))


def index_words(connection: Connection, document_pks: Sequence[int], chunking_key: str) -> None:
    """Take in the words of these documents' chunks, which were just written."""
    for words, texts in _texts_by_table(connection, document_pks, chunking_key):
        if not word_table_names(connection, words.name):
            connection.exec_driver_sql(_CREATE.format(name=words.name))
            connection.execute(insert(words).values({words.name: "rank", "rank": _RANK}))
        connection.execute(insert(words).from_select(["rowid", *_COLUMNS], texts))


def forget_words(connection: Connection, document_pks: Sequence[int], chunking_key: str | None = None) -> None:
    """Take out the words of these documents' chunks, which are about to be deleted; None is every chunking."""
    for words, texts in _texts_by_table(connection, document_pks, chunking_key):
        removal = texts.add_columns(literal("delete"))
        connection.execute(insert(words).from_select(["rowid", *_COLUMNS, words.name], removal))


def drop_words(connection: Connection, collection_id: int, chunking_key: str | None = None) -> None:
    """Drop a collection's index of one chunking, or of every one (None)."""
    if has_words(connection):
        for name in word_table_names(connection, word_table(collection_id, chunking_key or "*").name):
            connection.exec_driver_sql(f"DROP TABLE {name}")


def index_all_words(connection: Connection) -> None:
    """Build the word index of a catalogue that has chunks and no such index yet."""
    if has_words(connection):
        for key in connection.execute(select(chunks.c.chunking_key).distinct()).scalars().all():
            cut = select(chunks.c.document_pk).where(chunks.c.chunking_key == key).distinct()
            index_words(connection, connection.execute(cut).scalars().all(), key)


def word_table_names(connection: Connection, pattern: str) -> Sequence[str]:
    """The indexes whose names are like the pattern, in which * stands for anything."""
    # GLOB, not LIKE: to that the _ in a name is any character, and words_1_ would be words_12 too
    named = text("SELECT name FROM sqlite_schema WHERE name GLOB :pattern AND sql LIKE 'CREATE VIRTUAL TABLE%'")
    return connection.execute(named, {"pattern": pattern}).scalars().all()


def _texts_by_table(
    connection: Connection, document_pks: Sequence[int], chunking_key: str | None
) -> Iterator[tuple[TableClause, Select[tuple[int, str, str, str]]]]:
    """Each index that these documents have chunks in, with what it reads of them; nothing on another database."""
    if not has_words(connection):
        return
    alike = chunks.c.chunking_key == chunking_key if chunking_key is not None else true()
    for some in pieces(document_pks):
        kinds = (
            select(documents.c.collection_id, chunks.c.chunking_key)
            .join_from(chunks, documents, chunks.c.document_pk == documents.c.pk)
            .where(chunks.c.document_pk.in_(some), alike)
            .distinct()
        )
        for collection_id, key in connection.execute(kinds).all():
            own = chunks.c.document_pk.in_(some) & (documents.c.collection_id == collection_id)
            yield word_table(collection_id, key), _texts().where(own, chunks.c.chunking_key == key)


def _texts() -> Select[tuple[int, str, str, str]]:
    """What the index reads of a chunk: its row number, then the columns."""
    heading = func.json_each(chunks.c.headings).table_valued("value")
    headings = select(func.coalesce(func.group_concat(heading.c.value, " "), "")).scalar_subquery()
    return select(chunks.c.pk, documents.c.title, headings, chunks.c.text).join_from(
        chunks, documents, chunks.c.document_pk == documents.c.pk
    )
