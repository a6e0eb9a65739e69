"""The shape of the catalogue: every table, index and key, and nothing else.

Times are seconds since 1970 in UTC, as floats. Ids of documents and chunks are the deterministic ones of
`ingest`; a `pk` is a row number that never leaves this package except as a place to read on from.
Large text comes last in a row, so that what stands before it is read without it.
Chunks have no cascade on purpose: the database refuses to delete a document past `chunks.delete_chunks`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 3
SCHEMA = MetaData()

INGEST_STAGES = ("discovered", "unchanged", "read", "encoded", "written", "committed", "failed")

_ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only for INTEGER PRIMARY KEY
_JSON = JSON(none_as_null=True)


def _collection() -> Column[int]:
    return Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False)


def _generation() -> Column[int]:
    return Column("generation_id", ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True)


meta = Table("meta", SCHEMA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

encoders = Table(
    "encoders",
    SCHEMA,
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False, index=True),
    Column("folder", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("max_tokens", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("report", _JSON, nullable=False),
)

collections = Table(
    "collections",
    SCHEMA,
    Column("id", _ROW_NUMBER, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("settings", _JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    # The live pointer. The two tables name each other, so PostgreSQL adds this key afterwards.
    Column("live_generation_id", ForeignKey("generations.id", use_alter=True, name="collections_live_generation")),
    sqlite_autoincrement=True,
)

generations = Table(
    "generations",
    SCHEMA,
    Column("id", _ROW_NUMBER, primary_key=True),
    _collection(),
    Column("number", Integer, nullable=False),
    Column("physical_name", Text, nullable=False, unique=True),
    Column("fingerprint", Text, nullable=False),
    Column("encoder_name", Text, nullable=False),
    Column("precision", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("chunking", _JSON, nullable=False),
    Column("chunking_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("ready_at", Float),
    Column("live_at", Float),
    Column("retired_at", Float),
    Column("dropped_at", Float),
    Column("evaluation", _JSON),
    UniqueConstraint("collection_id", "number"),
    sqlite_autoincrement=True,
)

switches = Table(
    "switches",
    SCHEMA,
    Column("id", _ROW_NUMBER, primary_key=True),
    _collection(),
    Column("former_number", Integer),
    Column("number", Integer, nullable=False),
    Column("way", Text, nullable=False),
    Column("margin", Float),
    Column("user", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

documents = Table(
    "documents",
    SCHEMA,
    Column("pk", _ROW_NUMBER, primary_key=True),
    _collection(),
    Column("id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("metadata", _JSON, nullable=False),
    Column("sections", _JSON, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("collection_id", "id"),
    # Whoever looks for what is still to do reads this index only, and never the texts.
    Index("documents_in_order", "collection_id", "pk", "id", "content_hash"),
    Index("documents_by_origin", "collection_id", "origin", "id"),
)

chunks = Table(
    "chunks",
    SCHEMA,
    Column("pk", _ROW_NUMBER, primary_key=True),
    Column("document_pk", ForeignKey("documents.pk"), nullable=False),
    Column("chunking_key", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("token_count", Integer, nullable=False),
    Column("headings", _JSON, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("document_pk", "chunking_key", "ordinal"),
    Index("chunks_by_id", "chunking_key", "id"),
)

generation_documents = Table(
    "generation_documents",
    SCHEMA,
    _generation(),
    Column("document_id", Text, primary_key=True),
    Column("content_hash", Text, nullable=False),
    sqlite_with_rowid=False,
)

deletions = Table(
    "deletions",
    SCHEMA,
    _generation(),
    Column("chunk_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

likenesses = Table(
    "likenesses",
    SCHEMA,
    Column("document_pk", ForeignKey("documents.pk", ondelete="CASCADE"), primary_key=True),
    _collection(),
    Column("body_hash", Text, nullable=False),
    Column("leader_pk", _ROW_NUMBER, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("likenesses_by_body", "collection_id", "body_hash"),
    Index("likenesses_by_leader", "leader_pk"),
)

bands = Table(
    "bands",
    SCHEMA,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("band", BigInteger, primary_key=True),
    Column("document_pk", _ROW_NUMBER, primary_key=True),
    sqlite_with_rowid=False,
)

aliases = Table(
    "aliases",
    SCHEMA,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("document_pk", ForeignKey("documents.pk"), nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("metadata", _JSON, nullable=False),
    Index("aliases_by_origin", "collection_id", "origin"),
    sqlite_with_rowid=False,
)

files = Table(
    "files",
    SCHEMA,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("document_count", Integer, nullable=False),
    Column("failed_count", Integer, nullable=False),
    Column("read_at", Float, nullable=False),
    Column("skipped", _JSON, nullable=False),
    Column("failures", _JSON, nullable=False),
)

ingests = Table(
    "ingests",
    SCHEMA,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("pid_started", Float, nullable=False),
    Column("begun_at", Float, nullable=False),
    Column("ended_at", Float),
    *(Column(stage, Integer, nullable=False, default=0) for stage in INGEST_STAGES),
)

metadata_fields = Table(
    "metadata_fields",
    SCHEMA,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    sqlite_with_rowid=False,
)

judgements = Table(
    "judgements",
    SCHEMA,
    Column("id", _ROW_NUMBER, primary_key=True),
    _collection(),
    Column("query", Text, nullable=False),
    Column("query_key", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("chunk_id", Text, nullable=False),
    Column("chunk_text_hash", Text, nullable=False),
    Column("grade", Integer),
    Column("user", Text, nullable=False),
    Column("generation_number", Integer),
    Column("mode", Text, nullable=False),
    Column("rank", Integer),
    Column("shown", _JSON, nullable=False),
    Column("split", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("judgements_by_query", "collection_id", "query_key", "document_id", "user"),
    sqlite_autoincrement=True,
)

reviews = Table(
    "reviews",
    SCHEMA,
    Column("id", _ROW_NUMBER, primary_key=True),
    _collection(),
    Column("query", Text, nullable=False),
    Column("query_key", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("chunk_id", Text, nullable=False),
    Column("chunk_text_hash", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("answer_score", Float, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("dismissed_at", Float),
    UniqueConstraint("collection_id", "query_key", "document_id"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    SCHEMA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("collection", Text),
    Column("arguments", _JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("pid", Integer),
    Column("pid_started", Float),
    Column("message", Text, nullable=False),
    Column("result", _JSON),
    Column("created_at", Float, nullable=False, index=True),
    Column("started_at", Float),
    Column("finished_at", Float),
)

users = Table(
    "users",
    SCHEMA,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, unique=True),
    Column("created_at", Float, nullable=False),
)
