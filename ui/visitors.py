"""Who looks at a page, by the way of knowing that the server was started with.

A name is believed because the login service's cookie is signed, or because `ui.proxy` lets nobody in but the proxy.
What the name may do is looked up anew for each run of a page, so that a role that is taken away is gone at once.
"""

import os
from typing import TYPE_CHECKING, Any

import streamlit as st

from search_app.login import Login, Way, login_of
from ui.components.text import plain

if TYPE_CHECKING:  # opening the home is left to whoever may come in
    from search_app.app import SearchApp
    from search_app.catalog.users import User


def visitor_name() -> str | None:
    """The name that the login tells; None where nobody is asked. Who hasn't logged in yet gets a button for it."""
    login = login_of(os.environ)
    if login.way is Way.NONE:
        return None
    name = _named_by_proxy(login) if login.way is Way.HEADER else _named_by_service()
    if not name:
        st.error("The login tells no name, so it isn't known what you may do here.", icon=":material/no_accounts:")
        st.stop()
    return name


def visitor(app: "SearchApp", name: str) -> "User":
    """The visitor with their role; who has none is told so."""
    user = app.known_user(name)
    if user is None:
        st.info(f"You are logged in as {plain(name)}, and nobody has given you a role yet.", icon=":material/lock:")
        st.caption(f"An admin can: `twinsearch users set {plain(name)} viewer`")
        _show_logout()
        st.stop()
    return user


def show_visitor(user: "User") -> None:
    """Who one is here, and the way out."""
    with st.sidebar:
        st.caption(f"{plain(user.name)} · {user.role.value}")
        _show_logout()


def _named_by_proxy(login: Login) -> str:
    named = st.context.headers.get_all(login.header)
    return named[0].strip() if len(named) == 1 else ""


def _named_by_service() -> str:
    if not st.user.get("is_logged_in"):
        st.title("Twinsearch", anchor=False)
        st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
        st.stop()
    return told_name(st.user.to_dict())


def told_name(claims: dict[str, Any]) -> str:
    """The verified address that a login service tells; empty if there is none."""
    if claims.get("email_verified") is False:
        return ""
    return str(claims.get("email") or "").strip()


def _show_logout() -> None:
    if login_of(os.environ).way is Way.OIDC:
        st.button("Log out", type="tertiary", icon=":material/logout:", on_click=st.logout)
