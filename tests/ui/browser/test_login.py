"""Coming in through a login service and through a proxy, as a browser does; the service is one of the test's own."""

import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from benchmarks.server import served
from search_app.app import SearchApp
from search_app.catalog.users import Role

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "a secret of the test's alone"
client_id = "twinsearch"
client_secret = "shared"
server_metadata_url = "{service}/.well-known/openid-configuration"
"""
Open = Callable[..., AbstractContextManager[Callable[[str], Any]]]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not os.environ.get("TWINSEARCH_BROWSER"), reason="logging in runs in `make browser`"),
]


@dataclass
class LoginService:
    """OpenID Connect without a password: whoever asks is `email`."""

    address: str
    email: str
    nonces: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        jwk = pytest.importorskip("joserfc.jwk")
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.described),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/keys", self.keys),
        ]

    async def described(self, _request: Request) -> JSONResponse:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        about = {name: f"{self.address}/{path}" for name, path in paths.items()}
        algorithms = {"id_token_signing_alg_values_supported": ["RS256"], "response_types_supported": ["code"]}
        return JSONResponse({"issuer": self.address, **about, **algorithms, "subject_types_supported": ["public"]})

    async def authorize(self, request: Request) -> RedirectResponse:
        code = f"code-{len(self.nonces)}"
        self.nonces[code] = request.query_params["nonce"]
        back = urlencode({"code": code, "state": request.query_params["state"]})
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{back}", 302)

    async def token(self, request: Request) -> JSONResponse:
        from joserfc import jwt

        nonce = self.nonces[str((await request.form())["code"])]
        now = int(time.time())
        about = {"iss": self.address, "sub": "1", "aud": "twinsearch", "iat": now, "exp": now + 600, "nonce": nonce}
        claims = {**about, "email": self.email, "email_verified": True}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": signed})

    async def keys(self, _request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@contextmanager
def running(email: str) -> Iterator[LoginService]:
    """The service, in a thread of this process."""
    import uvicorn

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        service = LoginService(f"http://127.0.0.1:{bound.getsockname()[1]}", email)
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=service.routes()), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        try:
            yield service
        finally:
            server.should_exit = True
            thread.join(60)


def test_who_logs_in_comes_in_with_their_role_and_goes_out_again(
    app: SearchApp, shared_home: Path, windows: Open
) -> None:
    app.set_user("ann@example.org", Role.EDITOR)
    with running("Ann@example.org") as service:
        app.home.secrets_file.write_text(SECRETS.format(service=service.address), encoding="utf-8")
        with served(shared_home, "--login", "oidc") as server, windows(server.address) as go:
            page = go("/collections")
            assert page.get_by_role("button").all_inner_texts()[-1].strip().endswith("Log in")
            page.get_by_role("button", name="Log in").click()
            page.get_by_text(re.compile("ann@.?example.org · editor")).first.wait_for(state="attached")
            app.remove_user("ann@example.org")
            page.reload()
            page.get_by_text("nobody has given you a role yet").first.wait_for()
            page.get_by_role("button", name="Log out").click()
            page.get_by_role("button", name="Log in").wait_for()


def test_a_proxy_names_who_comes_in_and_nobody_comes_in_beside_it(
    app: SearchApp, shared_home: Path, windows: Open
) -> None:
    app.set_user("eve", Role.VIEWER)
    named = {"X-Forwarded-User": "eve"}
    with served(shared_home, "--login", "header") as server:
        with windows(server.address, extra_http_headers=named) as go:
            page = go("/")
            page.get_by_text("eve · viewer").first.wait_for(state="attached")
            assert page.get_by_text("Somebody who may load documents must make one first.").count() == 1
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(server.address)
