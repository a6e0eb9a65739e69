"""Who comes in, and what they are shown: by a login service, by a proxy's header, by a token, or not at all."""

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.users import Role
from search_app.cli.serving import _refuse_open
from search_app.errors import UsageError
from search_app.login import Login, Way, login_of
from ui import serving
from ui.api.routes import routes
from ui.proxy import BehindProxy
from ui.resources import opened_home
from ui.visitors import told_name

ROOT = Path(__file__).parents[2]
Twinsearch = Callable[..., tuple[int, str, str]]
LookIn = Callable[..., AppTest]
# What pages read of the parts behind SearchApp. Whatever changes something is a verb, which asks for a role.
READ_FROM_PARTS = {
    ("catalog", "collections", "get"),
    ("catalog", "collections", "list"),
    ("catalog", "collections", "live"),
    ("catalog", "documents", "chunk_count"),
    ("catalog", "documents", "count"),
    ("catalog", "documents", "fields"),
    ("catalog", "documents", "list"),
    ("catalog", "encoders", "list"),
    ("catalog", "judgements", "counts"),
    ("generations", "list"),
    ("generations", "previous"),
    ("home", "path"),
    ("jobs", "views"),
    ("settings", "cross_encoder"),
    ("settings", "encoder"),
    ("settings", "limits"),
}
PARTS = {"catalog", "vector_cache", "engine", "index", "encoders", "generations", "jobs", "searcher", "gate"}
PARTS |= {"reindexer", "tuner", "teacher", "learner", "home", "settings"}


def chains(source: str) -> Iterator[tuple[str, ...]]:
    """What stands behind `app.` where it is a part of SearchApp, such as ("jobs", "views")."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names, node = [node.attr, *names], node.value
        if isinstance(node, ast.Name) and node.id == "app" and names and names[0] in PARTS:
            yield tuple(names)


def test_pages_change_nothing_but_by_a_verb() -> None:
    files = [*(ROOT / "ui" / "pages").glob("*.py"), *(ROOT / "ui" / "components").glob("*.py")]
    used = {chain for path in files for chain in chains(path.read_text(encoding="utf-8"))}
    known = {chain[:length] for chain in READ_FROM_PARTS for length in range(1, len(chain) + 1)}
    assert used - known == set()


def behind_proxy(login: Login, address: str) -> TestClient:
    """A server that says who is named, as somebody at the address meets it."""

    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"hello {request.headers.get('x-user', 'nobody')}")

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    paths = [Route("/", hello), Route("/api/status", hello), Route("/_stcore/health", hello)]
    inner = [*paths, WebSocketRoute("/_stcore/stream", socket)]
    middleware = [Middleware(BehindProxy, login=login)]
    return TestClient(Starlette(routes=inner, middleware=middleware), client=(address, 1))


HEADER = Login(Way.HEADER, "X-User", ("10.0.0.0/24", "::1"))


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("10.0.0.7", [("x-user", "ann")], 200),
        ("::1", [("x-user", "ann")], 200),
        ("10.0.1.7", [("x-user", "ann")], 403),  # nobody but the proxy may name anybody
        ("127.0.0.1", [("x-user", "ann")], 403),
        ("10.0.1.7", [("x-user", "ann"), ("x-forwarded-for", "10.0.0.7")], 403),
        ("10.0.0.7", [], 401),
        ("10.0.0.7", [("x-user", " ")], 401),
        ("10.0.0.7", [("x-user", "ann"), ("x-user", "admin")], 401),  # one by the visitor, one by the proxy
        ("10.0.0.7", [("x_user", "ann")], 401),
    ],
)
def test_only_the_proxy_comes_in_and_it_names_one_user(
    address: str, headers: list[tuple[str, str]], status: int
) -> None:
    assert behind_proxy(HEADER, address).get("/", headers=headers).status_code == status


def test_a_socket_is_refused_as_a_request_is() -> None:
    with behind_proxy(HEADER, "10.0.0.7").websocket_connect("/_stcore/stream", headers={"x-user": "ann"}):
        pass
    for address, headers in (("10.0.0.7", {}), ("10.0.1.7", {"x-user": "ann"})):
        with (
            pytest.raises(WebSocketDisconnect),
            behind_proxy(HEADER, address).websocket_connect("/_stcore/stream", headers=headers),
        ):
            pass


def test_api_and_health_check_need_no_user_but_the_proxy() -> None:
    for path in ("/api/status", "/_stcore/health"):
        assert behind_proxy(HEADER, "10.0.0.7").get(path).status_code == 200
        assert behind_proxy(HEADER, "10.0.1.7").get(path).status_code == 403


def test_a_page_is_never_drawn_without_what_all_pages_have_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    importlib.reload(serving)
    PagesManager(str(ROOT / "ui" / "app.py"))  # a session; it looks for a folder of pages where nothing was said
    assert PagesManager.uses_pages_directory is False


def test_without_a_login_by_header_a_header_means_nothing_and_keeps_nobody_out() -> None:
    for login in (Login(), Login(Way.OIDC)):
        assert behind_proxy(login, "10.0.1.7").get("/").status_code == 200


def test_the_server_reads_the_login_that_the_command_wrote() -> None:
    for login in (Login(), Login(Way.OIDC), HEADER):
        assert login_of(login.environment()) == login
    assert login_of({}) == Login()


def test_the_page_listens_for_other_machines_with_a_login_or_when_told_that_it_is_insecure() -> None:
    for login, is_insecure in ((Login(Way.OIDC), False), (HEADER, False), (Login(), True)):
        _refuse_open("0.0.0.0", login, is_insecure=is_insecure)
    with pytest.raises(UsageError, match="everybody who reaches this machine"):
        _refuse_open("0.0.0.0", Login(), is_insecure=False)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--login", "oidc"], r"^No login service is set up\. Write its \[auth\] table to '.+secrets\.toml'"),
        (
            ["--login", "header", "--proxy", "proxy.example"],
            r"^A proxy can't be found: 'proxy\.example' does not appear",
        ),
        (["--proxy", "10.0.0.5"], r"^--proxy says who is believed a header, so it comes with --login header\."),
    ],
)
def test_a_login_that_can_not_work_is_refused_at_once(
    twinsearch: Twinsearch, options: list[str], sentence: str
) -> None:
    code, _, err = twinsearch("ui", *options)
    assert code == 2
    assert re.match(sentence, err)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": " ann@example.org"}, "ann@example.org"),
        ({"email": "ann@example.org", "email_verified": True}, "ann@example.org"),
        ({"email": "ann@example.org", "email_verified": False}, ""),
        ({"name": "ann"}, ""),
        ({"email": None}, ""),
    ],
)
def test_a_login_service_is_believed_an_address_that_it_has_verified(claims: dict[str, Any], name: str) -> None:
    assert told_name(claims) == name


@pytest.fixture
def look_in(visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> LookIn:
    """Opens a page as the login service says who one is."""
    monkeypatch.setenv("TWINSEARCH_LOGIN", "oidc")

    def look(claims: dict[str, Any], page: str = "search", **parameters: str) -> AppTest:
        browser = AppTest.from_file(ROOT / "ui" / "app.py", default_timeout=60)
        browser.user = claims
        browser.query_params.update(parameters)
        if page != "search":
            browser.run()
            browser.switch_page(f"pages/{page}.py")
        return browser.run()

    return look


def comes_in(name: str) -> dict[str, Any]:
    return {"is_logged_in": True, "email": name}


def buttons(browser: AppTest) -> list[str]:
    return [one.label for one in browser.button]


def test_who_has_not_logged_in_sees_a_button_and_nothing_else(loaded: SearchApp, look_in: LookIn) -> None:
    for page in ("search", "collections"):
        browser = look_in({}, page, query="kitten")
        assert not browser.exception
        assert (buttons(browser), browser.text_input, browser.selectbox) == (["Log in"], [], [])


def test_who_has_no_role_is_told_who_gives_it(loaded: SearchApp, look_in: LookIn) -> None:
    browser = look_in(comes_in("eve@example.org"), query="kitten")
    (told,) = [one.value.replace("\\", "").replace("\u2060", "") for one in browser.info]
    assert told == "You are logged in as eve@example.org, and nobody has given you a role yet."
    assert (buttons(browser), browser.text_input) == (["Log out"], [])


def test_a_viewer_finds_and_gets_no_thumbs_and_a_judge_gets_them(loaded: SearchApp, look_in: LookIn) -> None:
    loaded.set_user("eve@example.org", Role.VIEWER)
    browser = look_in(comes_in("Eve@example.org"), query="kitten")
    assert not browser.exception
    assert browser.get("feedback") == []
    assert any("eve" in one.value and "viewer" in one.value for one in browser.sidebar.caption)
    loaded.set_user("eve@example.org", Role.JUDGE)
    browser.run()
    assert browser.get("feedback")
    loaded.remove_user("eve@example.org")
    browser.run()
    assert browser.get("feedback") == []
    assert buttons(browser) == ["Log out"]


def test_a_page_that_asks_for_more_is_not_there(loaded: SearchApp, look_in: LookIn) -> None:
    hidden = {Role.VIEWER: {"collections", "judge", "learn", "status"}, Role.JUDGE: {"collections", "learn", "status"}}
    for role, pages in hidden.items():
        loaded.set_user("eve@example.org", role)
        for page in pages:
            with pytest.raises(ValueError, match=f"Could not find a navigation page for '.+{page}.py'"):
                look_in(comes_in("eve@example.org"), page)
    loaded.set_user("eve@example.org", Role.EDITOR)
    browser = look_in(comes_in("eve@example.org"), "collections")
    assert not browser.exception
    ways = [option for one in browser.segmented_control for option in one.options]
    assert "Folder or file on this machine" not in ways
    assert "Drop for good" not in buttons(browser)


@pytest.fixture
def ask(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The API over a home whose settings hold no token."""
    monkeypatch.setenv("TWINSEARCH_HOME", str(shared_home))
    opened_home.clear()
    with TestClient(Starlette(routes=routes()), base_url="http://localhost") as opened:
        yield opened
    opened_home.clear()


def test_a_users_token_answers_in_their_name_and_by_their_role(loaded: SearchApp, ask: TestClient) -> None:
    loaded.set_user("eve", Role.VIEWER)
    ask.headers["Authorization"] = f"Bearer {loaded.new_token('eve')}"
    judged = {"query": "kitten", "document_id": "notes/cat.txt", "grade": 2, "collection": "docs"}
    assert ask.get("/api/search", params={"q": "kitten"}).status_code == 200
    refused = ask.post("/api/judgements", json=judged)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (403, "Forbidden")
    loaded.set_user("eve", Role.JUDGE)
    assert ask.post("/api/judgements", json=judged).status_code == 200
    assert [one.user for one in loaded.judgements()] == ["eve"]
    loaded.remove_user("eve")
    assert ask.get("/api/status").status_code == 403  # nobody has a token: the API is off
