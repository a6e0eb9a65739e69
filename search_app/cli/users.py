"""Commands about who may come in through the web page and the JSON API, and as what."""

from typing import TYPE_CHECKING

import click

from search_app.cli.shell import Shell, command
from search_app.cli.tables import moment, table

if TYPE_CHECKING:
    from search_app.catalog.users import User

_ROLES = ("viewer", "judge", "editor", "admin")


@click.group("users")
def users() -> None:
    """Say who may search, judge, edit or do everything, where the page asks for a login."""


@command("list", examples="twinsearch users list")
def list_users(shell: Shell) -> None:
    """Show everybody who has a role."""
    found = shell.app.users()
    shell.show(found, lambda: users_table(found))


def users_table(found: "tuple[User, ...]") -> str:
    """One row for each."""
    rows = [(one.name, one.role.value, "yes" if one.has_token else "-", moment(one.created_at)) for one in found]
    return table(("user", "role", "token", "since"), rows)


@command("set", examples="twinsearch users set ann@example.org editor")
@click.argument("name")
@click.argument("role", type=click.Choice(_ROLES))
def set_user(shell: Shell, name: str, role: str) -> None:
    """Give somebody a role, by the name that their login tells.

    A viewer searches and reads, a judge also judges, an editor also loads, trains and switches; an admin may do
    everything.
    """
    from search_app.catalog.users import Role

    found = shell.app.set_user(name, Role(role))
    shell.show(found, lambda: f"{found.name} has the role {found.role.value}.")


@command("remove", examples="twinsearch users remove ann@example.org")
@click.argument("name")
def remove_user(shell: Shell, name: str) -> None:
    """Take somebody's role and token away; what they judged stays."""
    shell.app.remove_user(name)
    shell.show({"removed": name}, lambda: f"{name} has no role any more.")


@command("token", examples="twinsearch users token ann@example.org")
@click.argument("name")
def new_token(shell: Shell, name: str) -> None:
    """Make a token with which programs use the JSON API in somebody's name; an older one counts no more."""
    token = shell.app.new_token(name)
    shell.show({"token": token}, lambda: token)


for one in (list_users, set_user, remove_user, new_token):
    users.add_command(one)

COMMANDS = (users,)
