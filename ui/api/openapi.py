"""The paths of the API in one table, and the OpenAPI description made from it."""

from dataclasses import dataclass
from typing import Any

_WHERE = ("where", "A filter such as module=os and not year<2020; may stand more than once.", False)
_COLLECTION = ("collection", "The collection's name; docs if it is left out.", False)
_PAGE = (("k", "How many hits, 1 to 1,000; 10 if left out.", False), ("offset", "Hits before the page.", False))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path; `parameters` are name, meaning, and whether it must be there."""

    method: str
    path: str
    summary: str
    parameters: tuple[tuple[str, str, bool], ...] = ()
    body: tuple[tuple[str, str], ...] = ()


ENDPOINTS: dict[str, Endpoint] = {
    "search": Endpoint(
        "GET",
        "/api/search",
        "The best documents for a query.",
        (
            ("q", "The query.", True),
            _COLLECTION,
            *_PAGE,
            _WHERE,
            ("mode", "dense, lexical or hybrid; the collection's own if left out.", False),
        ),
    ),
    "similar": Endpoint(
        "GET",
        "/api/similar",
        "The documents nearest to one of the collection.",
        (("id", "Of a document or a chunk.", True), _COLLECTION, *_PAGE, _WHERE),
    ),
    "documents": Endpoint(
        "GET",
        "/api/documents",
        "A page of the documents.",
        (
            _COLLECTION,
            ("like", "A pattern with * and ? for id or source.", False),
            ("offset", "Documents before the page.", False),
            ("limit", "How many, at most 1,000; 50 if left out.", False),
        ),
    ),
    "document": Endpoint(
        "GET", "/api/document", "One document with its text and chunks.", (("id", "Its id.", True), _COLLECTION)
    ),
    "judgements": Endpoint("GET", "/api/judgements", "The judgements that count.", (_COLLECTION,)),
    "judge": Endpoint(
        "POST",
        "/api/judgements",
        "Writes down how well a document answers a query.",
        body=(
            ("query", "string"),
            ("document_id", "string"),
            ("grade", "integer"),
            ("collection", "string"),
        ),
    ),
    "status": Endpoint("GET", "/api/status", "The collections with their counts, and the jobs that are going on."),
}


def description() -> dict[str, Any]:
    """The API as OpenAPI 3.1 describes it."""
    paths: dict[str, dict[str, Any]] = {}
    for name, one in ENDPOINTS.items():
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(name, one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Twinsearch", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _operation(name: str, one: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": one.summary,
        "parameters": [
            {"name": key, "in": "query", "description": meaning, "required": is_needed, "schema": {"type": "string"}}
            for key, meaning, is_needed in one.parameters
        ],
        "responses": {
            "200": {"description": "The answer."},
            "default": {"description": "An error with its kind and sentence."},
        },
    }
    if one.body:
        schema = {
            "type": "object",
            "required": [key for key, _ in one.body],
            "properties": {key: {"type": kind} for key, kind in one.body},
        }
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
