"""What a request asks for, as values of the right kind; whatever can't be meant ends here with a sentence."""

import json
from typing import Any

from starlette.requests import Request

from search_app.config import DEFAULT_COLLECTION
from search_app.errors import UsageError


def text(request: Request, name: str, default: str | None = None) -> str:
    """A parameter of the URL.

    Raises:
        UsageError: It is missing and has no default.
    """
    given = request.query_params.get(name, default)
    if given is None:
        raise UsageError(f"The parameter {name!r} is missing.")
    return given


def number(request: Request, name: str, default: int) -> int:
    """A whole number of the URL.

    Raises:
        UsageError: It isn't one.
    """
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise UsageError(f"The parameter {name!r} is {given[:40]!r}; expected a whole number from 0.")
    return int(given)


def texts(request: Request, name: str) -> tuple[str, ...]:
    """A parameter that may stand there more than once."""
    return tuple(request.query_params.getlist(name))


def collection(request: Request) -> str:
    """Which collection is meant."""
    return text(request, "collection", DEFAULT_COLLECTION)


def fields(body: bytes, kinds: dict[str, type]) -> dict[str, Any]:
    """The fields of a JSON object.

    Args:
        body: UTF-8.
        kinds: The name of each field that must be there, and its type.

    Raises:
        UsageError: It is no such object.
    """
    try:
        held = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError("The body is no JSON.") from error
    if not isinstance(held, dict):
        raise UsageError("The body must be a JSON object.")
    for name, kind in kinds.items():
        if type(held.get(name)) is not kind:
            raise UsageError(f"The field {name!r} of the body is missing or is no {kind.__name__}.")
    return held
