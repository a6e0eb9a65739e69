"""The command that serves the web page."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search_app.cli.shell import Shell, command, with_options
from search_app.errors import UsageError
from search_app.login import DEFAULT_HEADER, OWN_ADDRESSES, Login, Way, check_proxies

if TYPE_CHECKING:
    from search_app.config import Home

# The rest stands in ui/.streamlit/config.toml.
_PAGE_OPTIONS = ("--server.headless=true", "--server.fileWatcherType=none")
_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")  # a page of another site that points its name here is refused
_login_options = with_options(
    click.option(
        "--login",
        type=click.Choice(["oidc", "header"]),
        envvar="TWINSEARCH_LOGIN",
        help="Ask who comes in: by a login service, or by a proxy's header. See `twinsearch users`.",
    ),
    click.option("--login-header", default=DEFAULT_HEADER, show_default=True, help="The header that names the user."),
    click.option("--proxy", "proxies", multiple=True, metavar="ADDRESS", help="Who is believed the header."),
)


@command(
    "ui",
    examples="twinsearch ui --port 8501\n"
    "twinsearch ui --host search.example.org --login oidc\n"
    "twinsearch ui --address 0.0.0.0 --login header --proxy 10.0.0.5",
)
@click.option("--port", default=8501, show_default=True, help="The port of the page.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Where the page listens.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="A name under which people may ask for the page.")
@_login_options
@click.option("--insecure", is_flag=True, help="Listen for other machines, without any login.")
def ui(shell: Shell, port: int, address: str, hosts: tuple[str, ...], insecure: bool, **login: Any) -> None:
    """Serve the web page until Ctrl-C."""
    script, home = _script(), _home(shell)
    asked = _login(home, **login)
    _refuse_open(address, asked, is_insecure=insecure)
    environment = {**os.environ, **asked.environment(), "TWINSEARCH_HOME": str(home.path)}
    if asked.way is Way.HEADER:
        environment["FORWARDED_ALLOW_IPS"] = ""  # else the server takes a visitor's address for that of the proxy
    if shell.milvus_uri:
        environment["TWINSEARCH_MILVUS_URI"] = shell.milvus_uri
    options = [f"--server.port={port}", f"--server.address={address}", *_PAGE_OPTIONS, *_secrets(home)]
    allowed = (*_OWN_NAMES, *hosts) if _is_own(address) else hosts or ("*",)
    options += [f"--server.allowedHosts={name}" for name in allowed]
    click.echo(f"Twinsearch on http://{address}:{port} (Ctrl-C ends it)", err=True)
    # In place of this process, so that whoever ends it ends the page.
    os.execve(sys.executable, [sys.executable, "-m", "streamlit", "run", script, *options], environment)


def _script() -> str:
    from importlib.util import find_spec

    found = find_spec("ui.serving")
    if found is None or found.origin is None:
        raise UsageError("The web page is not installed. Install twinsearch again, with its package `ui`.")
    return found.origin


def _home(shell: Shell) -> "Home":
    """The home, whose settings can be read; it isn't opened here, which takes as long as the server's own start."""
    from search_app.config import find_home, load_settings

    found = find_home(shell.home)
    load_settings(found, {"milvus_uri": shell.milvus_uri})
    return found


def _login(home: "Home", login: str | None, login_header: str, proxies: tuple[str, ...]) -> Login:
    """The way that was asked for.

    Raises:
        UsageError: What it needs isn't there.
    """
    check_proxies(proxies)
    way = Way(login or "")
    if way is Way.OIDC:
        _require_login_service(home.secrets_file)
    if way is not Way.HEADER and proxies:
        raise UsageError("--proxy says who is believed a header, so it comes with --login header.")
    return Login(way, login_header, proxies or OWN_ADDRESSES)


def _require_login_service(secrets: Path) -> None:
    from importlib.util import find_spec

    if find_spec("authlib") is None:
        raise UsageError(
            "A login service is asked by Authlib, which isn't installed. Run `pip install 'twinsearch[login]'`."
        )
    if not secrets.is_file():
        raise UsageError(
            f"No login service is set up. Write its [auth] table to {str(secrets)!r}; docs/access.md shows it."
        )


def _secrets(home: "Home") -> list[str]:
    """Where Streamlit finds the login service; its own places where the home has no such file."""
    secrets = home.secrets_file
    return [f"--secrets.files={secrets}"] if secrets.is_file() else []


def _refuse_open(address: str, login: Login, *, is_insecure: bool) -> None:
    if not (_is_own(address) or login.way is not Way.NONE or is_insecure):
        raise UsageError(
            f"At {address!r} everybody who reaches this machine could read and change all collections. Listen on "
            "127.0.0.1, ask who comes in with --login, or add --insecure."
        )


def _is_own(address: str) -> bool:
    """Whether only this machine's own users can reach it."""
    from ipaddress import ip_address

    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


COMMANDS = (ui,)
