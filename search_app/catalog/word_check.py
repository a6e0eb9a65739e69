"""Whether the word index says what the chunks say, and how it is made anew.

An index keeps no text, only which row has which words; so rows are compared one by one, and the index with itself.
"""

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import DatabaseError

from search_app.catalog.generations import Generation
from search_app.catalog.tables import chunks, documents
from search_app.catalog.word_index import drop_words, has_words, index_words, word_table, word_table_names


def word_problem(connection: Connection, generation: Generation) -> str | None:
    """What is wrong with the word index of a generation; None if nothing is. The connection is one for writing."""
    if not has_words(connection):
        return None
    name = word_table(generation.collection_id, generation.chunking_key).name
    expected = set(connection.execute(_rows(generation)).scalars())
    if not word_table_names(connection, name):
        return "the word index is missing" if expected else None
    held = set(connection.exec_driver_sql(f"SELECT rowid FROM {name}").scalars())
    if expected != held:
        return f"the word index lacks {len(expected - held):,} chunks and has {len(held - expected):,} too many"
    try:
        connection.exec_driver_sql(f"INSERT INTO {name}({name}) VALUES('integrity-check')")
    except DatabaseError as error:
        return f"the word index contradicts itself ({error.orig})"
    return None


def rebuild_words(connection: Connection, generation: Generation) -> None:
    """Make the word index of a generation anew from the chunks."""
    drop_words(connection, generation.collection_id, generation.chunking_key)
    owners = connection.execute(_rows(generation).with_only_columns(chunks.c.document_pk).distinct())
    index_words(connection, owners.scalars().all(), generation.chunking_key)


def _rows(generation: Generation) -> Select[tuple[int]]:
    """The row numbers of the collection's chunks that are cut as the generation cuts."""
    return (
        select(chunks.c.pk)
        .join_from(chunks, documents, chunks.c.document_pk == documents.c.pk)
        .where(documents.c.collection_id == generation.collection_id, chunks.c.chunking_key == generation.chunking_key)
    )
