"""Which of two answers is better, asked without telling which is whose, and counted for this visit.

A vote is about two ways to search and one query; a later vote on the same takes its place. Nothing is learned from
votes: they say which of two ways a person likes, not which document answers.
"""

import hashlib
from collections import Counter
from collections.abc import MutableMapping, Sequence
from functools import partial

import streamlit as st

from search_app.catalog.judgements import query_key
from ui.components.figures import counted
from ui.components.text import plain

ALIKE = "alike"
_VOTES = "votes of this visit"

Votes = MutableMapping[str, str]  # query -> the better way, or ALIKE


def votes_on(collection: str, names: Sequence[str]) -> Votes:
    """The votes on two ways, whichever stands on the left."""
    held: dict[tuple[str, ...], dict[str, str]] = st.session_state.setdefault(_VOTES, {})
    return held.setdefault((collection, *sorted(names)), {})


def is_turned(query: str, names: Sequence[str]) -> bool:
    """Whether the second way is shown first: chance decides, once for each query and pair."""
    drawn = hashlib.sha256("\n".join([query_key(query), *sorted(names)]).encode("utf-8", "surrogatepass")).digest()
    return (names[0] > names[1]) != bool(drawn[0] % 2)


def show_vote(votes: Votes, query: str, names: Sequence[str]) -> None:
    """Three buttons under the answers A and B, which are `names` in this order; after the vote, who they were."""
    key = query_key(query)
    with st.container(horizontal=True, gap="small", key="vote"):
        for name, label, winner in (
            ("a", "A is better", names[0]),
            (ALIKE, "Both alike", ALIKE),
            ("b", "B is better", names[1]),
        ):
            is_held = votes.get(key) == winner
            st.button(
                label,
                key=f"vote-{name}",
                type="primary" if is_held else "secondary",
                on_click=partial(votes.__setitem__, key, winner),
            )
    if key in votes:
        st.markdown(f"A was **{plain(names[0])}**, B was **{plain(names[1])}**.")
    if votes:
        st.caption(tally_line(votes, names))


def tally_line(votes: Votes, names: Sequence[str]) -> str:
    """For example "3 votes in this visit: generation 1 better 2 times, …"; Markdown."""
    count = Counter(votes.values())
    parts = [f"{plain(name)} better {counted(count[name], 'time')}" for name in sorted(names)]
    return f"{counted(len(votes), 'vote')} in this visit: {', '.join(parts)}, alike {counted(count[ALIKE], 'time')}."
