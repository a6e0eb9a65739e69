"""The API as a program meets it: one server object, real requests, the session's embedded Milvus."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from search_app.app import SearchApp
from ui.api.guard import BODY_BYTES_MAX
from ui.api.openapi import ENDPOINTS, description
from ui.api.routes import routes
from ui.resources import opened_home

TOKEN = {"Authorization": "Bearer secret"}
Ask = Callable[..., Any]


@pytest.fixture
def client(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The API's routes over a home whose token is "secret"."""
    monkeypatch.setenv("TWINSEARCH_HOME", str(shared_home))
    monkeypatch.setenv("TWINSEARCH_API_TOKEN", "secret")
    opened_home.clear()
    with TestClient(Starlette(routes=routes()), base_url="http://localhost") as opened:
        yield opened
    opened_home.clear()


def told(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["message"]


def test_the_whole_round_of_search_similar_documents_judge_and_status(loaded: SearchApp, client: TestClient) -> None:
    client.headers.update(TOKEN)
    found = client.get("/api/search", params={"q": "kitten", "where": "source=notes/cat.txt"}).json()
    assert [(hit["rank"], hit["document_id"]) for hit in found["hits"]] == [(1, "notes/cat.txt")]
    assert (found["schema"], found["collection"], found["encoder"]["name"]) == (1, "docs", "fluent")
    near = client.get("/api/similar", params={"id": "notes/cat.txt", "k": 1}).json()
    assert [hit["document_id"] for hit in near["hits"]] == ["notes/dog.txt"]
    listed = client.get("/api/documents", params={"like": "*rain*"}).json()["documents"]
    assert [one["id"] for one in listed] == ["notes/rain.txt"]
    shown = client.get("/api/document", params={"id": "notes/rain.txt"}).json()
    assert (shown["text"], len(shown["chunks"])) == ("rain sea night", 1)
    judged = {"query": "kitten", "document_id": "notes/cat.txt", "grade": 2, "collection": "docs"}
    assert client.post("/api/judgements", json=judged).status_code == 200
    assert [one["grade"] for one in client.get("/api/judgements").json()["judgements"]] == [2]
    (docs,) = client.get("/api/status").json()["collections"]
    assert (docs["name"], docs["document_count"], docs["judgement_count"]) == ("docs", 4, 1)


def test_settings_that_break_while_it_serves_are_told_without_what_they_hold(
    client: TestClient, shared_home: Path
) -> None:
    (shared_home / "config.toml").write_text('api_tokens = "confidential"\n')
    assert told(client.get("/api/status", headers=TOKEN)) == (
        503,
        "The server can't tell who asks: its settings or its catalogue can't be read. "
        "Run `twinsearch status` on its machine, which says why.",
    )


def test_who_has_no_token_gets_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = (401, "The token is missing or wrong. Send it as `Authorization: Bearer TOKEN`.")
    assert told(client.get("/api/status")) == missing
    for given in ("secret", "Bearer", "Bearer secre", "Bearer secrets", "Basic secret", "Bearer sécret"):
        assert told(client.get("/api/status", headers={"Authorization": given.encode()})) == missing
    monkeypatch.setenv("TWINSEARCH_API_TOKEN", "")
    status, sentence = told(client.get("/api/status", headers=TOKEN))
    assert status == 403
    assert sentence.startswith("The API is off.")


def test_another_sites_page_gets_nothing_even_with_the_token(client: TestClient) -> None:
    for origin in ("http://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"):
        assert told(client.get("/api/status", headers={**TOKEN, "Origin": origin}))[0] == 403
    assert client.get("/api/status", headers={**TOKEN, "Origin": "http://localhost"}).status_code == 200


def test_a_body_is_json_of_a_bounded_size(client: TestClient) -> None:
    client.headers.update(TOKEN)
    json_type = {"Content-Type": "application/json"}
    assert told(client.post("/api/judgements", data={"query": "x"}))[0] == 415
    long = json.dumps({"query": "x" * BODY_BYTES_MAX})
    assert told(client.post("/api/judgements", content=long, headers=json_type))[0] == 413
    for body in ("", "[]", "{", "[" * 20_000, '"x"', "{}", '{"query": 1}', b"\xff"):
        assert told(client.post("/api/judgements", content=body, headers=json_type))[0] == 400


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/search", 400, "The parameter 'q' is missing."),
        ("/api/search?q=", 400, "The query is empty. Type at least one word."),
        ("/api/search?q=x&k=ten", 400, "The parameter 'k' is 'ten'; expected a whole number from 0."),
        ("/api/search?q=x&mode=fast", 400, "There is no mode 'fast'; choose one of dense, lexical, hybrid."),
        ("/api/search?q=x&where=%3F", 400, "The filter '?' can't be read."),
        ("/api/search?q=x&collection=gone", 404, "There is no collection 'gone'."),
        ("/api/document?id=gone", 404, "The collection holds no document 'gone'."),
    ],
)
def test_what_cannot_be_meant_is_answered_with_a_sentence(
    loaded: SearchApp, client: TestClient, path: str, status: int, sentence: str
) -> None:
    got, message = told(client.get(path, headers=TOKEN))
    assert got == status
    assert message.startswith(sentence)


def test_the_description_names_every_path_with_its_method() -> None:
    described = {(method.upper(), path) for path, own in description()["paths"].items() for method in own}
    served = {(method, route.path) for route in routes() for method in route.methods or ()}
    assert described == {(one.method, one.path) for one in ENDPOINTS.values()}
    assert described < served
