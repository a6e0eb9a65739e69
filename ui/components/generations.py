"""The generations of a collection: which one answers, what the gate says about the others, and the switch."""

from pathlib import Path

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.generations import Generation, GenerationState
from search_app.errors import GateRefused, UnknownGeneration
from search_app.gate.decision import Ruling
from search_app.gate.terms import SwitchTerms
from search_app.gate.verdict import verdict_of
from ui.components.errors import show_error, told
from ui.components.figures import moment
from ui.components.text import plain
from ui.components.verdicts import show_verdict

_BADGES = {
    GenerationState.BUILDING: "orange",
    GenerationState.READY: "blue",
    GenerationState.LIVE: "primary",
    GenerationState.RETIRED: "gray",
    GenerationState.DROPPED: "gray",
}
_SWITCHABLE = (GenerationState.READY, GenerationState.RETIRED)
_COMPARE = "Measures it and the live one on the held-out queries; nothing is switched."
_ROLLBACK = "The generation before answers again, at once and without asking the gate."
_REFUSED = "switches that the gate refused"


def show_generations(app: SearchApp, collection: str) -> None:
    """A card for each generation that still has its vectors, the newest first, and the dropped ones as a line."""
    found = app.generations.list(collection)
    for generation in reversed(found):
        if generation.state is not GenerationState.DROPPED:
            _show_generation(app, collection, generation)
    dropped = [str(one.number) for one in found if one.state is GenerationState.DROPPED]
    if dropped:
        st.caption(f"Dropped: {', '.join(dropped)}")
    _show_rollback(app, collection)


def _show_generation(app: SearchApp, collection: str, generation: Generation) -> None:
    number = generation.number
    with st.container(border=True, key=f"generation-{number}", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**Generation {number}** · {plain(generation.encoder_name)}", width="stretch")
            st.badge(generation.state.value, color=_BADGES[generation.state])  # type: ignore[arg-type]
        st.caption(generation_line(generation))
        if generation.evaluation:
            show_verdict(verdict_of(generation.evaluation), key=f"{collection}-{number}")
        if (page := app.report_file(collection, number)) is not None:
            _show_report(page, f"{collection}-generation-{number}.html", number)
        if generation.state in _SWITCHABLE:
            _show_choices(app, collection, generation)


def _show_report(page: Path, name: str, number: int) -> None:
    """The page about how the generation came about, to be kept or opened; read when somebody asks."""
    st.download_button(
        "Report",
        page.read_bytes,
        name,
        "text/html",
        key=f"report-{number}",
        type="tertiary",
        icon=":material/description:",
        on_click="ignore",
    )


def generation_line(generation: Generation) -> str:
    """Fingerprint, precision and when it came to where it is; Markdown."""
    since = generation.live_at if generation.state is GenerationState.LIVE else generation.created_at
    word = "live since" if generation.state is GenerationState.LIVE else "made"
    return f"{generation.fingerprint[:12]} · {plain(generation.precision)} · {word} {moment(since)}"


def _show_choices(app: SearchApp, collection: str, generation: Generation) -> None:
    number = generation.number
    with st.container(horizontal=True, gap="small"):
        is_comparing = st.button("Compare", key=f"compare-{number}", icon=":material/balance:", help=_COMPARE)
        is_switching = st.button(
            "Switch",
            key=f"switch-{number}",
            type="primary" if generation.state is GenerationState.READY else "secondary",
            icon=":material/swap_horiz:",
            help=f"Generation {number} answers from then on, if the gate lets it through.",
        )
        is_dropping = app.may("drop_generation") and _asks_to_drop(number)
    with told():
        if is_comparing:
            _compare(app, collection, number)
        if is_switching:
            _switch(app, collection, number, is_forced=False)
        if is_dropping:
            app.drop_generation(collection, number)
            st.rerun()
    if (collection, number) in st.session_state.get(_REFUSED, ()):
        _show_refusal(app, collection, generation)


def _asks_to_drop(number: int) -> bool:
    with st.popover("Drop", type="tertiary", icon=":material/delete:"):
        st.markdown(f"Drop the vectors of generation {number}? The documents stay.")
        return st.button("Drop", key=f"drop-{number}", type="primary")


def _compare(app: SearchApp, collection: str, number: int) -> None:
    """Asks the gate; its verdict is kept in the catalogue and shown from there."""
    with st.spinner("Comparing on the held-out queries …"):
        app.verdict(collection, number)
    st.session_state.pop(_REFUSED, None)
    st.rerun()


def _switch(app: SearchApp, collection: str, number: int, *, is_forced: bool) -> None:
    """Asks the gate; what it refuses is remembered, and its verdict shown from the catalogue."""
    try:
        with st.spinner("Asking the gate …"):
            app.switch(collection, number, SwitchTerms(is_forced=is_forced))
    except GateRefused:
        st.session_state[_REFUSED] = (*st.session_state.get(_REFUSED, ()), (collection, number))
    else:
        st.session_state.pop(_REFUSED, None)
        st.toast(f"Generation {number} is live.", icon=":material/check:")
    st.rerun()


def _show_refusal(app: SearchApp, collection: str, generation: Generation) -> None:
    """That the gate refused, whose reasons stand above, and the way around it where there is one."""
    show_error("The gate keeps the live generation, for the reasons above.")
    verdict = verdict_of(generation.evaluation) if generation.evaluation else None
    is_final = verdict is not None and verdict.ruling is Ruling.COLLAPSED
    if not is_final and st.button("Switch all the same", key=f"force-{generation.number}"):
        with told():
            _switch(app, collection, generation.number, is_forced=True)


def _show_rollback(app: SearchApp, collection: str) -> None:
    try:
        number = app.generations.previous(collection).number
    except UnknownGeneration:
        return  # there is no way back
    if st.button(f"Roll back to generation {number}", key="rollback", icon=":material/undo:", help=_ROLLBACK):
        with told():
            with st.spinner("Rolling back …"):
                generation = app.rollback(collection)
            st.toast(f"Generation {generation.number} is live again.", icon=":material/undo:")
            st.rerun()
