"""The search box, and by what it searches."""

from collections.abc import Callable, Mapping

import streamlit as st

from ui.components.text import plain

WHERE, LIKE, MODE = "where", "like", "mode"  # of the session and of the URL

_FIELDS_SHOWN = 6
_PAUSE = "400ms"  # longer than between two letters, and no longer than a search takes
_AUTO = "auto"
_MODES = {_AUTO: "Best", "dense": "Meaning", "lexical": "Words", "hybrid": "Both"}


def query_box(on_change: Callable[[], None], *, is_live: bool = False) -> str:
    """The query as typed; the box has the focus when the page opens.

    Args:
        on_change: Called when another query is asked.
        is_live: Whether a pause while one types asks it; else Enter does.
    """
    query = st.text_input(
        "Query",
        key="query",
        type="search",
        placeholder="Ask in your own words",
        label_visibility="collapsed",
        icon=":material/search:",
        live=_PAUSE if is_live else False,
        on_change=_ask_anew,
        args=(on_change,),
    )
    return query or ""


def _ask_anew(on_change: Callable[[], None]) -> None:
    """A query that is typed takes the place of a document that was searched by."""
    st.session_state[LIKE] = ""
    on_change()


def mode_box(on_change: Callable[[], None]) -> str | None:
    """What to search by; None leaves it to the collection."""
    if st.session_state.get(MODE) not in _MODES:
        st.session_state[MODE] = _AUTO
    chosen = st.segmented_control(
        "Search by",
        list(_MODES),
        key=MODE,
        format_func=lambda mode: _MODES[mode],
        required=True,
        help="Best is what the collection was tuned to; until then it is both meaning and words.",
        on_change=on_change,
    )
    return None if chosen == _AUTO else chosen


def filter_help(fields: Mapping[str, set[str]]) -> str:
    """How filters are written, with fields that these documents have."""
    known = sorted(fields)[:_FIELDS_SHOWN]
    example = known[0] if known else "source"
    named = f" Fields here: {plain(', '.join(known))}." if known else ""
    return f"Only documents for which every filter holds, for example {plain(example)}\\=value.{named}"
