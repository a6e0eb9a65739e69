"""Records as JSON, and errors as a status with the sentence that the command line prints too."""

from typing import Any

from starlette.responses import JSONResponse

from ingest.errors import TwinsearchError
from search_app.documents import DocumentView
from search_app.errors import CollectionInUse, Forbidden, MilvusUnreachable, NotFound, UsageError
from search_app.jobs import as_json
from search_app.search import SearchResult
from search_app.status import CollectionStatus, Status

SCHEMA = 1  # it changes when a field changes its meaning or goes
_STATUSES: tuple[tuple[type[TwinsearchError], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (UsageError, 400),
    (CollectionInUse, 409),
    (MilvusUnreachable, 503),
)


def result_answer(result: SearchResult) -> dict[str, Any]:
    """The hits of one search."""
    return {
        "schema": SCHEMA,
        "query": result.query,
        "collection": result.collection,
        "generation": result.generation,
        "encoder": as_json(result.encoder),
        "mode": result.mode,
        "took_ms": dict(result.took_ms),
        "hits": [as_json(hit) for hit in result.hits],
    }


def document_answer(view: DocumentView) -> dict[str, Any]:
    """A document with its text and chunks."""
    return {
        **as_json(view.document),
        "state": view.state.value,
        "original_id": view.original_id,
        "chunks": [as_json(chunk) for chunk in view.chunks],
        "aliases": [as_json(alias) for alias in view.aliases],
        "near": list(view.near),
    }


def status_answer(status: Status) -> dict[str, Any]:
    """Collections with their counts, and the jobs that are going on; nothing about the machine."""
    active = [view for view in status.jobs if not view.job.state.is_end]
    return {
        "schema": SCHEMA,
        "collections": [_collection_answer(one) for one in status.collections],
        "jobs": [
            {
                "id": view.job.id,
                "kind": view.job.kind,
                "collection": view.job.collection,
                "state": view.job.state.value,
                "progress": as_json(view.progress),
            }
            for view in active
        ],
    }


def _collection_answer(one: CollectionStatus) -> dict[str, Any]:
    return {
        "name": one.name,
        "document_count": one.document_count,
        "chunk_count": one.chunk_count,
        "judgement_count": one.judgements.judgement_count,
        "generation": one.live.number if one.live else None,
        "encoder": one.live.encoder_name if one.live else None,
    }


def error_answer(error: TwinsearchError) -> JSONResponse:
    """The error's kind and sentence, with the status that says whose turn it is."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    return JSONResponse({"error": {"kind": type(error).__name__, "message": str(error)}}, status)
