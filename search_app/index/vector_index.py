"""The verbs on Milvus.

Scores are cosine similarities: 1.0 is the same direction, larger is nearer, whatever the server returns.
Vectors go in and out as float32 arrays of unit rows, (n, dim). A read sees every write that returned before.
Everything outside speaks of chunks and hits; rows, schemas and Milvus' exceptions end here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from search_app.errors import IndexFailure
from search_app.index.connection import Connection, Milvus
from search_app.index.failures import NOT_FOUND, foreign_errors, reason_of
from search_app.index.parameters import BuiltIndex, IndexSettings
from search_app.index.rows import (
    ID_BYTES_MAX,
    Vectors,
    batches,
    check_name,
    check_vectors,
    checked,
    id_groups,
    one_of,
    page_rows,
)

LIMIT_MAX = 16_384  # a Milvus server's own
_METRIC = "IP"  # the cosine, of unit rows; for COSINE embedded Milvus measures and divides all rows in every search
_HITS_A_CALL = 100_000  # of 80 bytes each
_QUERIES_A_CALL = 256
_AS_USUAL = IndexSettings()
_TOLD_BESIDES = frozenset({"index_type", "metric_type", "field_name", "index_name", "dim", "params"})
_COUNTS = ("rows", "state")  # of what Milvus tells of an index, the entries that aren't its parameters


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a search found; the score is its cosine similarity."""

    id: str
    score: float


class VectorIndex:
    """Milvus, embedded or a server, as the rest of Twinsearch sees it.

    Any call may raise MilvusUnreachable (nobody answers) or IndexFailure (Milvus refused).

    Args:
        milvus: An `Engine` or a `Server`.
        timeout_seconds: For every single call to Milvus.
        settings: The index of new collections, and how far searches look.
    """

    def __init__(self, milvus: Milvus, *, timeout_seconds: float = 30.0, settings: IndexSettings = _AS_USUAL) -> None:
        self._connection = Connection(milvus, timeout_seconds)
        self._timeout = timeout_seconds
        self._settings = settings
        self._dims: dict[str, int] = {}
        self._built: dict[str, BuiltIndex] = {}

    # Collections

    def create(self, physical: str, dim: int, properties: Mapping[str, str]) -> None:
        """Make an empty collection that can be searched.

        Args:
            physical: A name that was never used.
            dim: The width of its vectors.
            properties: What is kept with it, such as the encoder's fingerprint.
        """
        check_name(physical)
        if self.exists(physical):
            raise IndexFailure(f"Milvus holds a collection {physical} already. Names are never used twice.")

        self._connection.write(f"create {physical}", partial(self._create, physical, dim, dict(properties)))

    def _create(self, physical: str, dim: int, properties: dict[str, str], client: Any) -> None:
        client.create_collection(
            physical,
            schema=_schema(client, dim),
            properties=properties,
            consistency_level="Strong",
            timeout=self._timeout,
        )
        # to wait for the index means half a second of sleep in pymilvus; embedded Milvus has it at once
        is_waiting = not self._connection.milvus.is_embedded
        params = self._index_params(client, dim)
        client.create_index(physical, params, timeout=self._timeout, sync=is_waiting)
        client.load_collection(physical, timeout=self._timeout)

    def properties(self, physical: str) -> dict[str, str]:
        """What was kept with the collection when it was made."""
        described = self._read("describe_collection", f"describe {physical}", physical)
        return {str(key): str(value) for key, value in described.get("properties", {}).items()}

    def names(self) -> list[str]:
        """The physical names of all collections, sorted."""
        found: list[str] = self._read("list_collections", "list collections")
        return sorted(found)

    def exists(self, physical: str) -> bool:
        """Whether there is a collection of this physical name; an alias is none."""
        return physical in self.names()

    def drop(self, physical: str) -> None:
        """Remove the collection and its rows; one that isn't there is no error.

        Raises:
            IndexFailure: An alias points to it, or the name is an alias.
        """
        target = self.alias_target(physical)
        if target is not None:
            raise IndexFailure(f"{physical} is an alias of {target}. Drop a collection by its physical name.")
        if not self.exists(physical):
            return
        aliases = self.aliases(physical)
        if aliases:
            raise IndexFailure(
                f"The collection {physical} is live: the alias {aliases[0]} points to it. "
                "Switch to another generation first."
            )
        self._write("drop_collection", f"drop {physical}", physical)

    def discard_unreadable(self, physical: str) -> None:
        """Remove a collection that embedded Milvus can't open, and therefore can't drop."""
        try:
            self.count(physical)
        except IndexFailure as error:
            if isinstance(error.__cause__, Exception) and reason_of(error.__cause__) != NOT_FOUND:
                self._connection.discard(physical)

    # Rows

    def upsert(self, physical: str, ids: Sequence[str], vectors: Vectors, fields: Sequence[Mapping[str, Any]]) -> None:
        """Write full rows; a row whose id is there already is replaced.

        Args:
            physical: The collection.
            ids: Chunk ids of 1 to 64 bytes, each once.
            vectors: Unit rows, (len(ids), dim).
            fields: Per row document_id, title, source, origin and metadata: what a filter may ask for.
        """
        checked(ids, vectors, fields, dim=self._dim(physical))
        for batch in batches(ids, np.asarray(vectors, dtype=np.float32), fields):
            self._write("upsert", f"write to {physical}", physical, batch)

    def delete(self, physical: str, ids: Sequence[str]) -> None:
        """Remove the rows with these ids; ids that aren't there are no error."""
        for group in id_groups(ids):
            # by expression: pymilvus doesn't escape ids
            self._connection.write(
                f"delete from {physical}",
                partial(_delete, physical=physical, where=one_of(group), timeout=self._timeout),
            )

    def flush(self, physical: str) -> None:
        """Put all written rows on disk; slow searches over fresh rows end with it."""
        self._write("flush", f"flush {physical}", physical)

    def present(self, physical: str, ids: Sequence[str]) -> set[str]:
        """Those of the ids that have a row."""
        return {row["id"] for row in self._rows(physical, ids, ["id"])}

    def vectors(self, physical: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors, each (dim,), of those of the ids that have a row."""
        rows = self._rows(physical, ids, ["id", "vector"])
        return {row["id"]: np.asarray(row["vector"], dtype=np.float32) for row in rows}

    def count(self, physical: str) -> int:
        """How many rows the collection has."""
        rows = self._query(physical, "", ["count(*)"])
        return int(rows[0]["count(*)"])

    def ids(self, physical: str) -> Iterator[list[str]]:
        """All ids, each once, some thousands at a time."""
        for page in self._pages(physical, ["id"], page_rows(0)):
            yield [row["id"] for row in page]

    def rows(self, physical: str) -> Iterator[tuple[list[str], Vectors]]:
        """All ids with their vectors, (ids, dim), each once, some thousands at a time."""
        for page in self._pages(physical, ["id", "vector"], page_rows(self._dim(physical))):
            yield [row["id"] for row in page], np.asarray([row["vector"] for row in page], dtype=np.float32)

    def _pages(self, physical: str, fields: list[str], size: int) -> Iterator[list[dict[str, Any]]]:
        call = f"list the rows of {physical}"
        pages = self._connection.read(
            call,
            lambda client: client.query_iterator(
                physical,
                batch_size=size,
                output_fields=fields,
                consistency_level="Strong",
                timeout=self._timeout,
            ),
            loaded=physical,
        )
        while page := self._connection.read(call, lambda _: pages.next()):
            yield page

    def built(self, physical: str) -> BuiltIndex:
        """The index that the collection has; it never changes, so it is asked for once."""
        if physical not in self._built:
            told = self._read("describe_index", f"describe the index of {physical}", physical, "vector") or {}
            flat = {**told, **told.get("params", {})}
            parameters = {key: str(value) for key, value in flat.items() if key not in _TOLD_BESIDES}
            own = {key: value for key, value in parameters.items() if not any(word in key for word in _COUNTS)}
            self._built[physical] = BuiltIndex(str(told.get("index_type", "FLAT")), own)
        return self._built[physical]

    def segment_count(self, physical: str) -> int | None:
        """In how many parts a server keeps the rows; None for embedded Milvus, which doesn't tell."""
        if self._connection.milvus.is_embedded:
            return None
        return len(self._read("list_persistent_segments", f"list the segments of {physical}", physical))

    # Search

    def prepare(self, physical: str) -> None:
        """Do what a first search would wait for: import pymilvus, connect, load the collection, learn its index."""
        if physical not in self._built or physical not in self._dims:
            self._connection.read(f"load {physical}", lambda _: None, loaded=physical)
            self._dim(physical)
            self.built(physical)

    @property
    def filters_fast(self) -> bool:
        """Whether a filter on fields costs a search little; embedded Milvus reads each row's JSON in Python."""
        return not self._connection.milvus.is_embedded

    def search(
        self,
        physical: str,
        vectors: Vectors,
        *,
        limit: int,
        where: str = "",
        effort: int | None = None,
        exact: bool = False,
    ) -> list[list[Found]]:
        """The nearest rows for each query, by falling score, then by id.

        Args:
            physical: The collection; an alias serves as well.
            vectors: Unit rows, (queries, dim). Many queries in one call cost little more than one.
            limit: Rows a query, 1 to 16,384.
            where: A filter from `search_app.filters.to_milvus`; "" for all rows.
            effort: How far to look: a graph's candidates, or how many lists; more is slower and finds more.
            exact: Look at (nearly) all rows; an index of the kind FLAT always does.
        """
        if not 1 <= limit <= LIMIT_MAX:
            raise IndexFailure(f"A search for {limit} rows can't be made: ask for 1 to {LIMIT_MAX:,}.")
        check_vectors(vectors, dim=self._dim(physical))
        size = max(1, min(_QUERIES_A_CALL, _HITS_A_CALL // limit))
        # the metric is the index's own: a collection keeps the one that it was made with
        params = {"params": self._settings.walk(self.built(physical), limit, effort=effort, exact=exact)}
        rows = np.asarray(vectors, dtype=np.float32)
        answers: list[list[Found]] = []
        for begin in range(0, len(rows), size):
            part = list(rows[begin : begin + size])
            found = self._connection.read(
                f"search {physical}",
                partial(self._search, physical, part, filter=where, limit=limit, search_params=params),
                loaded=physical,
            )
            answers.extend(_ranked(hits) for hits in found)
        return answers

    def _search(self, physical: str, part: list[Vectors], client: Any, **options: Any) -> Any:
        return client.search(
            physical,
            data=part,
            anns_field="vector",
            output_fields=["id"],  # of none, embedded Milvus makes all: vectors and fields that nobody reads
            consistency_level="Strong",
            timeout=self._timeout,
            **options,
        )

    # Aliases

    def alias_target(self, alias: str) -> str | None:
        """The physical name that the alias points to; None when there is no such alias."""
        return self._connection.read(
            f"describe the alias {alias}", partial(_alias_target, alias=alias, timeout=self._timeout)
        )

    def aliases(self, physical: str) -> list[str]:
        """The aliases that point to the collection, sorted."""
        found = self._read("list_aliases", f"list the aliases of {physical}", physical)
        return sorted(found.get("aliases", []))

    def point_alias(self, alias: str, physical: str) -> None:
        """Let the alias point to the collection, in one step, wherever it pointed before."""
        check_name(alias)
        target = self.alias_target(alias)
        if target == physical:
            return
        verb = "create_alias" if target is None else "alter_alias"
        self._write(verb, f"point the alias {alias} to {physical}", physical, alias)

    def drop_alias(self, alias: str) -> None:
        """Remove the alias; the collection stays. One that isn't there is no error."""
        if self.alias_target(alias) is not None:
            self._write("drop_alias", f"drop the alias {alias}", alias)

    def server_version(self) -> str:
        """The version that Milvus says it has."""
        return str(self._read("get_server_version", "tell its version"))

    def close(self) -> None:
        """Give the connection back; a later call opens another."""
        self._connection.close()

    def _read(self, verb: str, call: str, *arguments: object) -> Any:
        """One read of pymilvus' client by its name, with the timeout."""
        return self._connection.read(call, lambda client: getattr(client, verb)(*arguments, timeout=self._timeout))

    def _write(self, verb: str, call: str, *arguments: object) -> None:
        """One write of pymilvus' client by its name, with the timeout."""
        self._connection.write(call, lambda client: getattr(client, verb)(*arguments, timeout=self._timeout))

    def _index_params(self, client: Any, dim: int) -> Any:
        params = client.prepare_index_params()
        is_embedded = self._connection.milvus.is_embedded
        kind = self._settings.chosen(is_embedded=is_embedded)
        build = self._settings.build(kind, dim)
        own = {"params": build} if is_embedded and build else build  # pymilvus 3 sends them flat; embedded reads these
        params.add_index("vector", metric_type=_METRIC, index_type=kind, params=own)
        return params

    def _dim(self, physical: str) -> int:
        """The width of the collection's vectors; it never changes, so it is asked for once."""
        if physical not in self._dims:
            described = self._read("describe_collection", f"describe {physical}", physical)
            field = next(field for field in described["fields"] if field["name"] == "vector")
            self._dims[physical] = int(field["params"]["dim"])
        return self._dims[physical]

    def _rows(self, physical: str, ids: Sequence[str], fields: list[str]) -> Iterator[dict[str, Any]]:
        for group in id_groups(ids):
            yield from self._query(physical, one_of(group), fields)

    def _query(self, physical: str, where: str, fields: list[str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._connection.read(
            f"read from {physical}",
            lambda client: client.query(
                physical,
                filter=where,
                output_fields=fields,
                consistency_level="Strong",
                timeout=self._timeout,
            ),
            loaded=physical,
        )
        return rows


def _schema(client: Any, dim: int) -> Any:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=ID_BYTES_MAX)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    schema.add_field("fields", DataType.JSON)
    return schema


def _alias_target(client: Any, *, alias: str, timeout: float) -> str | None:
    try:
        return str(client.describe_alias(alias, timeout=timeout)["collection_name"])
    except foreign_errors() as error:
        if reason_of(error) == NOT_FOUND:
            return None
        raise


def _delete(client: Any, *, physical: str, where: str, timeout: float) -> None:
    client.delete(physical, filter=where, timeout=timeout)


def _ranked(hits: Sequence[Mapping[str, Any]]) -> list[Found]:
    found = [Found(str(hit["id"]), float(hit["distance"])) for hit in hits]
    return sorted(found, key=lambda one: (-one.score, one.id))
