"""What a person can ask of long work, as records that fit into a job's row.

A request is made by the command line and by the page alike; a job keeps it as JSON and runs it again after a crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_app.config import DEFAULT_COLLECTION
from search_app.errors import UsageError


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Files and folders to bring a collection up to date with.

    `encoder` and `whole` count for a new collection only; columns that are None are guessed from their names.
    """

    paths: tuple[str, ...]
    collection: str = DEFAULT_COLLECTION
    prune: bool = False
    whole: bool = False
    encoder: str | None = None
    id_column: str | None = None
    title_column: str | None = None
    text_column: str | None = None
    metadata_columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """An encoder to be trained on a file of examples, or on the collection's judgements when `pairs` is None."""

    name: str
    collection: str = DEFAULT_COLLECTION
    pairs: str | None = None
    base: str | None = None
    loss: str = "auto"
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """A measurement on judged queries in the layout of BEIR; None is the live generation, or the default mode."""

    queries: str
    qrels: str
    collection: str = DEFAULT_COLLECTION
    generation: int | None = None
    mode: str | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ReindexRequest:
    """A generation to be built by another encoder; `switch` lets the gate decide, `force` overrides it."""

    collection: str
    encoder: str
    switch: bool = False
    force: bool = False
    queries: str | None = None
    qrels: str | None = None


Request = IngestRequest | TrainRequest | EvaluateRequest | ReindexRequest

KINDS: dict[str, type[Request]] = {
    "ingest": IngestRequest,
    "train": TrainRequest,
    "evaluate": EvaluateRequest,
    "reindex": ReindexRequest,
}


def kind_of(request: Request) -> str:
    """The word for this work: in commands, buttons, logs and the jobs table."""
    return next(kind for kind, record in KINDS.items() if isinstance(request, record))


def request_of(kind: str, arguments: Mapping[str, Any]) -> Request:
    """The request that a job's row holds.

    Raises:
        UsageError: The row was written by a version that knew other work or other arguments.
    """
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()
    }
    try:
        return KINDS[kind](**values)
    except (KeyError, TypeError) as error:
        raise UsageError(f"This version can't run the {kind!r} job again ({error}). Start it anew.") from error
