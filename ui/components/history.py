"""Which generation answered when, and how it came to that."""

from collections.abc import Mapping

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.switches import Switch, SwitchWay
from ui.components.figures import moment

_WAYS: Mapping[SwitchWay, str] = {
    SwitchWay.FIRST: "the first one",
    SwitchWay.GATE: "the gate let it through",
    SwitchWay.NON_INFERIOR: "not worse than allowed",
    SwitchWay.FORCE: "by hand, past the gate",
    SwitchWay.ROLLBACK: "rolled back",
}


def show_history(app: SearchApp, collection: str) -> None:
    """A table of all switches, the newest first."""
    found = app.switches(collection)
    if not found:
        return
    encoders = {one.number: one.encoder_name for one in app.generations.list(collection)}
    with st.expander("History", type="compact", icon=":material/history:"):
        st.dataframe([history_row(one, encoders) for one in reversed(found)], hide_index=True)


def history_row(one: Switch, encoders: Mapping[int, str]) -> dict[str, str]:
    """A switch for people."""
    return {
        "when": moment(one.created_at),
        "live since then": str(one.number),
        "before": "–" if one.former_number is None else str(one.former_number),
        "encoder": encoders.get(one.number, ""),
        "how": _WAYS[one.way],
        "by": one.user,
    }
