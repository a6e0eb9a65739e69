"""What the URL says about a page, so that a link shows the same page again.

The URL wins when it has changed since the page wrote it (a link, the back button); otherwise the widgets win.
A widget's key, its entry in the session and its parameter in the URL have the same name.
"""

from collections.abc import Sequence

import streamlit as st

_WRITTEN = "address written"
_REPEATED = frozenset({"where"})  # parameters that may stand there more than once

Value = str | Sequence[str]


def follow(*names: str) -> None:
    """Sets the widgets of these names to what the URL says, if somebody else than the page wrote it."""
    read = {name: _read(name) for name in names}
    if read != st.session_state.get(_WRITTEN):
        for name, value in read.items():
            st.session_state[name] = value


def write(**values: Value) -> None:
    """Puts the widgets' values into the URL; empty ones stay out of it."""
    if {name: _read(name) for name in values} != {name: _plain(value) for name, value in values.items()}:
        st.query_params.from_dict({name: value for name, value in values.items() if value})
    st.session_state[_WRITTEN] = {name: _plain(value) for name, value in values.items()}


def _read(name: str) -> str | list[str]:
    return st.query_params.get_all(name) if name in _REPEATED else st.query_params.get(name, "")


def _plain(value: Value) -> str | list[str]:
    return value if isinstance(value, str) else list(value)
