"""Milvus' and gRPC's errors become ours here, by one table; none of them goes further up.

A server that hangs gives a raw gRPC error, a server that refuses gives a Milvus error with a number, and
pymilvus puts the one into the other. `reason_of` finds out which it was; the table says what people are told.
"""

from collections.abc import Mapping
from typing import Any

from ingest.errors import TwinsearchError
from search_app.errors import IndexFailure, MilvusUnreachable

UNAVAILABLE = "UNAVAILABLE"
TIMED_OUT = "DEADLINE_EXCEEDED"
NOT_LOADED = "not loaded"
NOT_FOUND = "not found"

# Milvus' numbers: 100 and 101 are collections, 1600 is an alias, 4 is the old protocol's collection. 2 is pymilvus'
# own, for a connection that it tried to mend by itself.
_REASONS: Mapping[int, str] = {2: UNAVAILABLE, 4: NOT_FOUND, 100: NOT_FOUND, 1600: NOT_FOUND, 101: NOT_LOADED}

_TOLD: Mapping[str, tuple[type[TwinsearchError], str]] = {
    UNAVAILABLE: (MilvusUnreachable, "No Milvus answers at {address} ({call}). {remedy}"),
    TIMED_OUT: (
        MilvusUnreachable,
        "Milvus at {address} did not answer within {seconds:g} seconds ({call}). {remedy}",
    ),
    "UNAUTHENTICATED": (
        MilvusUnreachable,
        "Milvus at {address} does not accept the token ({call}). Give the right one as TWINSEARCH_MILVUS_TOKEN.",
    ),
    "PERMISSION_DENIED": (
        MilvusUnreachable,
        "Milvus at {address} does not allow this token to {call}. Ask who runs it for the right to do so.",
    ),
    "UNIMPLEMENTED": (
        IndexFailure,
        "Milvus at {address} is too old to {call}. Update it to the version named in docker-compose.yml.",
    ),
    NOT_FOUND: (
        IndexFailure,
        "Milvus at {address} lacks a collection that the catalogue names ({call}): {message}. "
        "Build it again from the catalogue with `twinsearch check --repair`.",
    ),
}
_OTHERWISE = (IndexFailure, "Milvus at {address} could not {call}: {message}.")


def foreign_errors() -> tuple[type[Exception], ...]:
    """What pymilvus raises; loads pymilvus."""
    import grpc  # type: ignore[import-untyped]
    from pymilvus.exceptions import MilvusException

    return (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, ValueError, TypeError)


def reason_of(error: Exception) -> str:
    """Why the call failed: a gRPC status by its name, one of the names above, or "" for anything else."""
    code: Any = getattr(error, "code", None)
    code = code() if callable(code) else code  # gRPC has a method there, pymilvus a property
    if isinstance(code, int):
        return _milvus_reason(error, code)
    name = getattr(code, "name", "")
    return str(name)


def _milvus_reason(error: Exception, code: int) -> str:
    message = message_of(error)
    if "Retry timeout" in message or "DEADLINE_EXCEEDED" in message:
        return TIMED_OUT
    if "not loaded" in message:
        return NOT_LOADED
    return _REASONS.get(code, "")


def message_of(error: Exception) -> str:
    """The foreign error's own words, on one line."""
    words = str(getattr(error, "message", "") or error)
    return " ".join(words.split())[:300].rstrip(".")


def translated(error: Exception, call: str, *, address: str, seconds: float, remedy: str) -> TwinsearchError:
    """Our error for a foreign one; the call is named by its verb, such as "search"."""
    kind, sentence = _TOLD.get(reason_of(error), _OTHERWISE)
    return kind(sentence.format(address=address, call=call, seconds=seconds, remedy=remedy, message=message_of(error)))
