"""Says who may do what, and acts in their name."""

import copy
from typing import Self

from search_app.app.guarding import allows
from search_app.app.wiring import Wiring
from search_app.catalog.users import Role, User


class Users(Wiring):
    """The verbs about who comes in."""

    def acting_as(self, user: User) -> Self:
        """The same opened home, whose verbs are this user's: each asks first whether the role allows it."""
        acting = copy.copy(self)
        acting.acting = user
        return acting

    def may(self, verb: str) -> bool:
        """Whether whoever acts may call a verb, for those who show buttons."""
        return allows(self.acting, verb)

    @property
    def may_name_files(self) -> bool:
        """Whether whoever acts may name files of this machine that nobody uploaded."""
        return self.acting is None or self.acting.role.includes(Role.ADMIN)

    def known_user(self, name: str) -> User | None:
        """Who comes in under this name, if anybody gave them a role."""
        return self.catalog.users.find(name)

    def user_of_token(self, token: str) -> User | None:
        """Whose token a program has shown, if it is anybody's."""
        return self.catalog.users.by_token(token)

    def users(self) -> tuple[User, ...]:
        """Everybody who has a role."""
        return self.catalog.users.list()

    def set_user(self, name: str, role: Role) -> User:
        """Gives somebody a role in place of the one that they had."""
        return self.catalog.users.set(name, role)

    def remove_user(self, name: str) -> None:
        """Takes role and token away; what they judged stays."""
        self.catalog.users.remove(name)

    def new_token(self, name: str) -> str:
        """A token for programs that come in somebody's name; it is shown this once, and an older one counts no more."""
        return self.catalog.users.new_token(name)
