"""What went wrong, as the one sentence that the command line prints too.

Errors of our own are shown where they arise; every other exception is a fault and goes to Streamlit.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ingest.errors import TwinsearchError
from ui.components.text import plain

_KEPT = "sentence of a callback"


@contextmanager
def told() -> Iterator[None]:
    """Shows the sentence of an error of ours in place of what it kept from being drawn."""
    try:
        yield
    except TwinsearchError as error:
        show_error(str(error))


@contextmanager
def kept() -> Iterator[None]:
    """The same for a callback, which can't draw: the sentence waits for `show_kept`."""
    try:
        yield
    except TwinsearchError as error:
        st.session_state[_KEPT] = str(error)


def show_kept() -> None:
    """Shows the sentence that a callback left, once."""
    if sentence := st.session_state.pop(_KEPT, ""):
        show_error(sentence)


def show_error(sentence: str) -> None:
    """The sentence in a red box, as it is."""
    st.error(plain(sentence), icon=":material/error:")
