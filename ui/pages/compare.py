"""Compare: one query asked in two ways, side by side."""

from collections.abc import Sequence

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.generations import GenerationState
from search_app.requests import CompareRequest
from ui.components import address
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.focus import focus_query_box
from ui.components.jobs import JobFilter, show_jobs
from ui.components.querybox import query_box
from ui.components.sides import Way, ask_both, show_sides
from ui.components.text import plain
from ui.components.votes import is_turned, show_vote, votes_on
from ui.resources import search_app

_STANDING = (GenerationState.LIVE, GenerationState.READY, GenerationState.RETIRED)
_BLIND = "Shows both answers as A and B, in an order that chance decides, and asks which one is better."
_PARAMETERS = ("query", "collection", "left", "right")


def page() -> None:
    """The query, the two ways, and what they answer."""
    app = search_app()
    show_kept()
    st.title("Compare", anchor=False)
    names = [one.name for one in app.catalog.collections.list()]
    if not names:
        show_none_yet()
        return
    address.follow(*_PARAMETERS)
    is_found = is_known(app)
    query = query_box(lambda: None)
    collection = choose_collection(names)
    ways = ways_of(app, collection)
    if len(ways) < 2:
        st.info("This collection holds nothing yet. Load documents first.", icon=":material/folder_open:")
        return
    left, right = choose_ways(ways)
    address.write(query=query, collection=collection, left=left, right=right)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_blind = st.toggle("Blind", key="blind", help=_BLIND)
        is_measuring = st.button("Compare on the held-out queries", icon=":material/balance:", disabled=left == right)
    with told():
        if is_measuring:
            start_comparing(app, collection, (ways[left], ways[right]))
    if not query:
        focus_query_box()
    elif is_found:
        with told():
            show_both(app, query, collection, {left: ways[left], right: ways[right]}, is_blind=is_blind)
    show_jobs(app, JobFilter({"compare"}, collection))


def show_both(app: SearchApp, query: str, collection: str, ways: dict[str, Way], *, is_blind: bool) -> None:
    """Both answers; blindly, in an order that chance decides, with the vote above them."""
    names = list(ways)
    if is_blind and len(names) == 2:
        names = names[::-1] if is_turned(query, names) else names
        show_vote(votes_on(collection, names), query, names)
    with st.spinner("Searching twice …"):
        both = ask_both(app, query, collection, [ways[name] for name in names])
    show_sides(both, names, is_blind=is_blind)


def start_comparing(app: SearchApp, collection: str, ways: Sequence[Way]) -> None:
    """Starts the job that compares two ways on the queries that are held out."""
    runs = tuple(f"{way.generation}:{way.mode}" for way in ways)
    app.start(CompareRequest(runs, collection))
    st.rerun()


def ways_of(app: SearchApp, collection: str) -> dict[str, Way]:
    """Every way to search the collection by name: each mode of each generation that still has its vectors."""
    standing = [one for one in app.generations.list(collection) if one.state in _STANDING]
    return {
        f"generation {one.number}, {word}": Way(one.number, mode, one.encoder_name)
        for one in sorted(standing, key=lambda one: (one.state is not GenerationState.LIVE, -one.number))
        for mode, word in (("hybrid", "meaning and words"), ("dense", "meaning"), ("lexical", "words"))
    }


def choose_ways(ways: dict[str, Way]) -> Sequence[str]:
    """The names of two of them, each with the encoder that is compared in it."""
    chosen = []
    for place, (column, side) in enumerate(zip(st.columns(2), ("left", "right"), strict=True)):
        if st.session_state.get(side) not in ways:
            st.session_state[side] = list(ways)[place]
        with column:
            chosen.append(st.selectbox(side.capitalize(), list(ways), key=side))
            st.caption(f"Encoder {plain(ways[chosen[-1]].encoder)}")
    return chosen


page()
