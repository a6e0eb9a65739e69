"""The word for each kind of long work, and the way of a request into a job's row and back."""

from collections.abc import Mapping
from typing import Any

from search_app.errors import UsageError
from search_app.requests import (
    ArrangeRequest,
    CompareRequest,
    EvaluateRequest,
    IngestRequest,
    LearnRequest,
    MineRequest,
    PreviewRequest,
    ReindexRequest,
    TrainRequest,
    TuneRequest,
)

Request = (
    IngestRequest
    | TrainRequest
    | MineRequest
    | EvaluateRequest
    | CompareRequest
    | TuneRequest
    | PreviewRequest
    | ReindexRequest
    | LearnRequest
    | ArrangeRequest
)

KINDS: dict[str, type[Request]] = {
    "ingest": IngestRequest,
    "train": TrainRequest,
    "mine": MineRequest,
    "evaluate": EvaluateRequest,
    "compare": CompareRequest,
    "tune": TuneRequest,
    "preview": PreviewRequest,
    "reindex": ReindexRequest,
    "learn": LearnRequest,
    "arrange": ArrangeRequest,
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
