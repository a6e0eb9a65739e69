"""What a training would learn from, and what is wrong with it, before time is spent on it."""

import streamlit as st

from search_app.app import SearchApp
from search_app.requests import TrainRequest
from search_app.twin.findings import Finding, Severity
from ui.components.errors import told
from ui.components.figures import counted
from ui.components.text import plain

_EXAMINED = "examples examined"


def show_examining(app: SearchApp, collection: str) -> None:
    """The button, and what it found; it stays until another collection is examined."""
    if st.button("Check the examples", key="examine", icon=":material/fact_check:", help=_HELP):
        with told(), st.spinner("Reading the judgements …"):
            request = TrainRequest("not trained", collection, from_judgements=True)
            st.session_state[_EXAMINED] = collection, app.lint(request)
    if conflicts := app.agreement(collection).conflicts:
        st.warning(
            f"People contradict each other on {counted(len(conflicts), 'document')}. The Judge page lists them; the "
            "lower of two middle grades counts.",
            icon=":material/group:",
        )
    about, found = st.session_state.get(_EXAMINED, ("", None))
    if found is None or about != collection:
        return
    with st.container(border=True, key="examined", gap="xsmall"):
        examples, aside = counted(found.example_count, "example"), f"{found.held_out_count:,}"
        st.markdown(f"**{examples}** to learn from, {aside} more set aside to measure on while it learns.")
        st.caption(plain(f"Loss {found.loss}: {found.reason}. It begins with {found.base}."))
        if not found.findings:
            st.markdown(":green[:material/check:] Nothing is wrong with them.")
        for one in found.findings:
            st.markdown(finding_line(one))


def finding_line(one: Finding) -> str:
    """What is wrong, how often, with a sample, and what to do about it; Markdown."""
    what = f"{one.what[:1].upper()}{one.what[1:]} ({one.count:,}, such as “{one.sample}”)."
    return f"{_ICONS[one.severity]} {plain(what)} {plain(one.advice)}"


_ICONS = {Severity.ERROR: ":red[:material/error:]", Severity.WARNING: ":orange[:material/warning:]"}
_HELP = "Looks for contradictions, doublets, texts that are cut off and the like. Nothing is trained."
