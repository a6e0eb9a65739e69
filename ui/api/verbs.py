"""What stands behind the API's paths, each a thin function: read, one verb of `SearchApp`, answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.errors import TwinsearchError
from search_app.app import SearchApp
from search_app.app.searching import all_of
from search_app.catalog.listing import ListingFilter, Page
from search_app.catalog.users import User
from search_app.jobs import as_json
from search_app.search import SearchOptions
from ui.api.answers import document_answer, error_answer, result_answer, status_answer
from ui.api.reading import collection, fields, number, text, texts
from ui.resources import opened_home

_LIST_MOST = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and its body, which is empty for GET."""

    request: Request
    body: bytes


def search(app: SearchApp, asked: Asked) -> Any:
    """Hits for a query."""
    request = asked.request
    options = SearchOptions(offset=number(request, "offset", 0), collapse=True)
    result = app.search(
        text(request, "q"),
        collection(request),
        k=number(request, "k", 10),
        where=texts(request, "where"),
        mode=request.query_params.get("mode"),
        options=options,
    )
    return result_answer(result)


def similar(app: SearchApp, asked: Asked) -> Any:
    """The documents nearest to one."""
    request = asked.request
    where = all_of(texts(request, "where"))
    options = SearchOptions(number(request, "k", 10), where, offset=number(request, "offset", 0), collapse=True)
    return result_answer(app.similar(text(request, "id"), collection(request), options))


def documents(app: SearchApp, asked: Asked) -> Any:
    """A page of the documents."""
    request = asked.request
    page = Page(number(request, "offset", 0), min(number(request, "limit", 50), _LIST_MOST))
    which = ListingFilter(like=request.query_params.get("like"))
    return {"documents": [as_json(one) for one in app.documents(collection(request), which, page)]}


def document(app: SearchApp, asked: Asked) -> Any:
    """One document with its text."""
    return document_answer(app.document(text(asked.request, "id"), collection(asked.request)))


def judgements(app: SearchApp, asked: Asked) -> Any:
    """The judgements that count."""
    return {"judgements": [as_json(one) for one in app.judgements(collection(asked.request))]}


def judge(app: SearchApp, asked: Asked) -> Any:
    """Writes a judgement down."""
    given = fields(asked.body, {"query": str, "document_id": str, "grade": int, "collection": str})
    number_ = app.judge(given["query"], given["document_id"], given["grade"], collection=given["collection"])
    return {"judgement": number_}


def status(app: SearchApp, __asked: Asked) -> Any:
    """What there is."""
    return status_answer(app.status())


VERBS: dict[str, Callable[[SearchApp, Asked], Any]] = {
    verb.__name__: verb for verb in (search, similar, documents, document, judgements, judge, status)
}


def answered(name: str, user: User, asked: Asked) -> Response:
    """What the verb of this name says to this user; an error of ours as its sentence."""
    try:
        return JSONResponse(VERBS[name](opened_home().acting_as(user), asked))
    except TwinsearchError as error:
        return error_answer(error)
