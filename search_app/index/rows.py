"""What goes into Milvus: unit rows of the right width, ids of at most 64 bytes, batches that fit a message.

Milvus Lite takes NaN, zero vectors and overlong ids without a word, and a server counts a text's length in
bytes. So everything is checked here before the first batch is sent.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from search_app.errors import IndexFailure
from search_app.filters import stored_fields, string_literal

Vectors: TypeAlias = NDArray[np.float32]

ID_BYTES_MAX = 64
_IDS_A_CALL = 1_000
_PAGE_ROWS = 10_000  # a server gives 16,384 at most
_PAGE_BYTES = 8 * 2**20  # of vectors
_BATCH_BYTES = 4 * 2**20  # a message may have 64 MB, and JSON grows on its way
_NORM_TOLERANCE = 1e-3
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


def check_name(name: str) -> None:
    """Let pass only what every Milvus takes as the name of a collection or an alias.

    Raises:
        IndexFailure: Another character, or more than 255 of them; Milvus Lite would make a folder of it.
    """
    if not _NAME.fullmatch(name):
        raise IndexFailure(
            f"{name!r} can't name a collection: use up to 255 letters, digits and _, not beginning with a digit."
        )


def checked(ids: Sequence[str], vectors: Vectors, fields: Sequence[Mapping[str, Any]], *, dim: int) -> None:
    """Let pass only what can be written.

    Raises:
        IndexFailure: Unequal lengths, another width, numbers that are not finite, rows that are not of
            length 1, an id that is empty, too long or given twice.
    """
    if not len(ids) == len(vectors) == len(fields):
        raise IndexFailure(
            f"{len(ids)} ids, {len(vectors)} vectors and {len(fields)} fields can't be rows: "
            "give one of each for every row."
        )
    if len(set(ids)) != len(ids):
        raise IndexFailure(f"An id is given twice among {len(ids)} rows; each row needs its own.")
    for id_ in ids:
        if not 1 <= len(id_.encode("utf-8", "replace")) <= ID_BYTES_MAX:
            raise IndexFailure(f"The id {id_!r} can't be written: an id has 1 to {ID_BYTES_MAX} bytes.")
    check_vectors(vectors, dim=dim)


def wrong_rows(vectors: Vectors) -> NDArray[np.intp]:
    """The places of the rows that are not finite or not of length 1."""
    norms = np.linalg.norm(vectors, axis=1)
    return np.flatnonzero(~(np.abs(norms - 1) <= _NORM_TOLERANCE))  # ~(<=), since NaN compares as false


def check_vectors(vectors: Vectors, *, dim: int) -> None:
    """Let pass only unit rows of the collection's width.

    Raises:
        IndexFailure: Another shape, numbers that are not finite, or rows not of length 1.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise IndexFailure(f"Vectors of the shape {vectors.shape} can't be rows of width {dim}.")
    wrong = wrong_rows(vectors)
    if wrong.size:
        raise IndexFailure(
            f"{wrong.size} of {len(vectors)} vectors are not of length 1 "
            f"(the first has {np.linalg.norm(vectors[wrong[0]]):g}). "
            "Encode the texts again; if it stays so, the encoder is damaged."
        )


def batches(
    ids: Sequence[str], vectors: Vectors, fields: Sequence[Mapping[str, Any]]
) -> Iterator[list[dict[str, Any]]]:
    """Full rows for pymilvus, each batch below the message limit."""
    batch: list[dict[str, Any]] = []
    size = 0
    for id_, vector, document_fields in zip(ids, vectors, fields, strict=True):
        # as text: through a dictionary pymilvus goes value by value, in Python
        stored = json.dumps(stored_fields(document_fields), ensure_ascii=False, separators=(",", ":"))
        row_size = vector.nbytes + len(stored.encode()) + ID_BYTES_MAX
        if batch and size + row_size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append({"id": id_, "vector": vector, "fields": stored})
        size += row_size
    if batch:
        yield batch


def page_rows(dim: int) -> int:
    """How many rows to list at a time: as many as may be, for embedded Milvus goes through all of them for each page.

    Args:
        dim: Of the vectors that are listed with the ids; 0 for none.
    """
    return max(1, min(_PAGE_ROWS, _PAGE_BYTES // (4 * dim))) if dim else _PAGE_ROWS


def id_groups(ids: Sequence[str]) -> Iterator[list[str]]:
    """The ids in groups that one call may name."""
    rest = iter(ids)
    while group := list(islice(rest, _IDS_A_CALL)):
        yield group


def one_of(ids: Sequence[str]) -> str:
    """The expression for rows with one of these ids."""
    return f"id in [{', '.join(string_literal(id_) for id_ in ids)}]"
