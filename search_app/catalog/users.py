"""Who may come in, and as what.

Names are kept in small letters, since people and login services write them either way. Of a token only its hash is
kept: who reads the catalogue can't use it. Tokens are long and random, so a plain SHA-256 is enough.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update

from search_app.catalog.store import Store, upsert
from search_app.catalog.tables import users
from search_app.errors import UnknownUser, UsageError

NAME_CHARACTERS_MOST = 200
_TOKEN_BYTES = 32


class Role(StrEnum):
    """What somebody may do, from the least to the most; each may do all that the ones before it may."""

    VIEWER = "viewer"
    JUDGE = "judge"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, least: "Role") -> bool:
        """Whether who has this role may do what asks for that one."""
        return _ORDER.index(self) >= _ORDER.index(least)


_ORDER = tuple(Role)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a role; `has_token` says whether programs may come in their name."""

    name: str
    role: Role
    has_token: bool = False
    created_at: float = field(default_factory=time.time)


def _record(row: Row[Any]) -> User:
    return User(row.name, Role(row.role), row.token_hash is not None, row.created_at)


class Users:
    """Everybody who has a role in this home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def set(self, name: str, role: Role) -> User:
        """Gives somebody this role in place of the one that they had; a token stays.

        Raises:
            UsageError: The name is empty, too long or has signs that can't be seen.
        """
        row = {"name": checked_name(name), "role": role.value, "created_at": time.time()}
        with self._store.writing() as connection:
            upsert(connection, users, [row], update=["role"])
        return self.get(name)

    def find(self, name: str) -> User | None:
        """The user of this name, if there is one."""
        return self._one(users.c.name == spelled(name))

    def get(self, name: str) -> User:
        """The user of this name.

        Raises:
            UnknownUser: Nobody of this name has a role.
        """
        found = self.find(name)
        if found is None:
            raise UnknownUser(f"Nobody is called {name!r} here. `twinsearch users list` shows who has a role.")
        return found

    def list(self) -> tuple[User, ...]:
        """Everybody, by name."""
        with self._store.reading() as connection:
            return tuple(_record(row) for row in connection.execute(select(users).order_by(users.c.name)))

    def remove(self, name: str) -> None:
        """Takes role and token away; what they judged stays.

        Raises:
            UnknownUser: Nobody of this name has a role.
        """
        known = self.get(name)
        with self._store.writing() as connection:
            connection.execute(delete(users).where(users.c.name == known.name))

    def new_token(self, name: str) -> str:
        """A token for programs that come in this user's name; an older one doesn't count any more.

        Raises:
            UnknownUser: Nobody of this name has a role.
        """
        known, token = self.get(name), secrets.token_urlsafe(_TOKEN_BYTES)
        with self._store.writing() as connection:
            connection.execute(update(users).where(users.c.name == known.name).values(token_hash=_hash(token)))
        return token

    def by_token(self, token: str) -> User | None:
        """Whose token this is, if it is anybody's."""
        return self._one(users.c.token_hash == _hash(token))

    def _one(self, condition: ColumnElement[bool]) -> User | None:
        with self._store.reading() as connection:
            row = connection.execute(select(users).where(condition)).first()
        return _record(row) if row else None


def spelled(name: str) -> str:
    """The name as it is kept."""
    return name.strip().casefold()


def checked_name(name: str) -> str:
    """The name as it is kept.

    Raises:
        UsageError: It is empty, too long or has signs that can't be seen.
    """
    kept = spelled(name)
    if not kept or len(kept) > NAME_CHARACTERS_MOST or not kept.isprintable():
        raise UsageError(
            f"{name[:40]!r} can't be a user's name. Give the name that the login tells, such as ann@example.org, "
            f"of at most {NAME_CHARACTERS_MOST} characters."
        )
    return kept


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
