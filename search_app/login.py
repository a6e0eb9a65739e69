"""How the web server knows who comes in; `twinsearch ui` says it, and the server's process reads it.

Nothing heavy is imported here: the server must be up at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from search_app.errors import UsageError

DEFAULT_HEADER = "X-Forwarded-User"
OWN_ADDRESSES = ("127.0.0.1", "::1")
_WAY, _HEADER, _PROXIES = "TWINSEARCH_LOGIN", "TWINSEARCH_LOGIN_HEADER", "TWINSEARCH_LOGIN_PROXIES"


class Way(StrEnum):
    """Not at all, by a login service (OpenID Connect), or by what a proxy before the server says."""

    NONE = ""
    OIDC = "oidc"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Login:
    """A way to know visitors; `header` and `proxies`, addresses or networks, count for a proxy only."""

    way: Way = Way.NONE
    header: str = DEFAULT_HEADER
    proxies: tuple[str, ...] = OWN_ADDRESSES

    def is_proxy(self, address: str) -> bool:
        """Whether the header is believed from this address."""
        try:
            asked = ip_address(address)
        except ValueError:  # a socket without one
            return False
        return any(asked in network for network in _networks(self.proxies))

    def environment(self) -> dict[str, str]:
        """What `login_of` reads again in the server's process."""
        return {_WAY: self.way.value, _HEADER: self.header, _PROXIES: ",".join(self.proxies)}


def login_of(environment: Mapping[str, str]) -> Login:
    """The way that the environment says."""
    proxies = environment.get(_PROXIES) or ",".join(OWN_ADDRESSES)
    return Login(Way(environment.get(_WAY, "")), environment.get(_HEADER) or DEFAULT_HEADER, tuple(proxies.split(",")))


def check_proxies(proxies: Sequence[str]) -> None:
    """Refuses what is no address.

    Raises:
        UsageError: One of them is neither an address nor a network.
    """
    try:
        _networks(proxies)
    except ValueError as error:
        raise UsageError(f"A proxy can't be found: {error}. Give addresses such as 10.0.0.5 or 10.0.0.0/24.") from error


def _networks(proxies: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(one.strip()) for one in proxies]
