"""What a search may be told besides the query: how good a hit must be, and by what else to search.

Everything but the file stands in the URL, where what is as usual is left out.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from search_app.app import SearchApp
from search_app.search import Rerank, SearchOptions
from ui.components.uploads import Upload

FLOOR, LIVE, COPIES, EXACT, COMBINE, SECOND = FINER = ("floor", "live", "copies", "exact", "combine", "second")
_YES = "1"  # of a switch, in the URL
_SWITCHES = {
    LIVE: ("Search as you type", "Searches whenever you pause for a moment; without, when you press Enter."),
    COPIES: ("Show every copy", "Shows each of the documents that are nearly the same, not only the best of them."),
    EXACT: (
        "Compare every vector",
        "Compares with every vector; without, a Milvus server follows a graph and may miss some.",
    ),
    COMBINE: ("Parts with weights", 'Reads the query as parts between + and -: `"fast car" - racing + 0.5 electric`.'),
    SECOND: ("Second stage", "A cross-encoder reads the query beside each of the first hits and orders them anew."),
}


@dataclass(frozen=True, slots=True)
class Finer:
    """The switches that are on, the lowest score, and the cross-encoder of a second stage; None is none."""

    switched_on: frozenset[str] = frozenset()
    floor: float | None = None
    cross_encoder: str | None = None

    @property
    def is_combined(self) -> bool:
        """Whether the query is parts with weights."""
        return COMBINE in self.switched_on

    @property
    def is_live(self) -> bool:
        """Whether it is searched as one types."""
        return LIVE in self.switched_on

    @property
    def parameters(self) -> dict[str, str]:
        """The URL's parameters."""
        switches = {name: _YES if name in self.switched_on else "" for name in _SWITCHES}
        return {FLOOR: "" if self.floor is None else f"{self.floor:g}", **switches}

    @property
    def options(self) -> SearchOptions:
        """The options of a search that these make."""
        return SearchOptions(
            min_score=self.floor,
            exact=EXACT in self.switched_on,
            collapse=COPIES not in self.switched_on,
            rerank=Rerank(self.cross_encoder) if self.cross_encoder else None,
        )


AS_USUAL = Finer()


def is_switched_on(name: str) -> bool:
    """Whether a switch is on that may be drawn later on the page."""
    return st.session_state.get(name) in (True, _YES)


def choose_finer(app: SearchApp, on_change: Callable[[], None]) -> tuple[Finer, Upload | None]:
    """The switches and the box of a file to search by, folded away while nothing of it is used."""
    for name in _SWITCHES:
        st.session_state[name] = is_switched_on(name)
    st.session_state[FLOOR] = _number(st.session_state.get(FLOOR))
    cross_encoder = app.settings.cross_encoder
    offered = [name for name in _SWITCHES if name != SECOND or cross_encoder]
    is_used = st.session_state[FLOOR] is not None or any(st.session_state[name] for name in offered)
    with st.expander("More ways to search", expanded=is_used, icon=":material/tune:"):
        floor = st.number_input("Lowest score", key=FLOOR, step=0.05, placeholder="any", on_change=on_change)
        on = frozenset(name for name in offered if _switch(name, on_change))
        example = st.file_uploader("Search by a file", key="example-file", on_change=on_change)
    return Finer(on, floor, cross_encoder if SECOND in on else None), example


def _switch(name: str, on_change: Callable[[], None]) -> bool:
    label, help_text = _SWITCHES[name]
    return st.toggle(label, key=name, help=help_text, on_change=on_change)


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
