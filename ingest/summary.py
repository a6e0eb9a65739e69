"""What an ingest did, in documents."""

from dataclasses import dataclass

from ingest.readers.found import TableColumns
from ingest.sink import Failure


@dataclass(frozen=True, slots=True)
class Truncation:
    """How many tokens of a document's chunks the encoder never saw."""

    document_id: str
    tokens: int


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did, in documents.

    `unchanged` counts those of files that were not even read, because nothing about them had changed.
    `failed_count` counts all that failed; `failed` names each file of them, but only the first rows of a table.
    `chunk_count` counts the chunks that were written; a copy of another document has those of the other.
    `truncated_tokens` counts the tokens of written chunks that the encoder never saw, `truncated` has those
    documents that lost most; `skipped_count` counts what was left out, `skipped` the same by how names end for which
    there is no reader, or by what it is instead of a file; `tables` tells which column served as what.
    """

    new: int
    changed: int
    unchanged: int
    removed: int
    failed: tuple[Failure, ...]
    chunk_count: int
    truncated_tokens: int
    seconds: float
    skipped_count: int = 0
    tables: tuple[TableColumns, ...] = ()
    failed_count: int = 0
    skipped: tuple[tuple[str, int], ...] = ()
    truncated: tuple[Truncation, ...] = ()
