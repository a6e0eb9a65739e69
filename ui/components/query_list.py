"""Queries to be judged one after the other, as people asked them or from a file: which are judged, and the next."""

from collections.abc import Collection, Sequence

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.judgements import query_key
from search_app.query_files import QUERY_FORMS, read_queries
from ui.components.errors import told
from ui.components.figures import counted

_CHOSEN = "query-of-list"
_ASKED, _FILE = "What was asked", "A file"
_ASKED_MOST = 500  # more makes a box slow to open


def show_query_list(app: SearchApp, collection: str) -> None:
    """Where the queries come from, how far one is, and two ways to a query of them: choosing, and the next."""
    with st.expander("Queries one after the other", type="compact", icon=":material/checklist:", key="query-list"):
        source = st.segmented_control("From", [_ASKED, _FILE], default=_ASKED, required=True, key="query-source")
        with told():
            queries = _asked(app, collection) if source == _ASKED else _of_file()
            if not queries:
                return
            own = {query_key(one.query) for one in app.judgements(collection) if one.user == app.user}
            done = sum(query_key(query) in own for query in queries)
            all_of_them = counted(len(queries), "query", "queries")
            st.progress(done / len(queries), text=f"{done:,} of {all_of_them} judged by you")
            _show_ways(queries, own)


def _asked(app: SearchApp, collection: str) -> Sequence[str]:
    """What people asked on the Search page, the most frequent first."""
    asked = app.asked_queries(collection)[:_ASKED_MOST]
    if not asked:
        st.caption("Nothing has been asked on the Search page yet.")
    return asked


def _of_file() -> Sequence[str]:
    file = st.file_uploader(
        "One query a line, or a table or JSON Lines with a column query or text",
        type=[suffix.removeprefix(".") for suffix in QUERY_FORMS],
        key="query-file",
    )
    return () if file is None else read_queries(file.name, file.getvalue())


def _show_ways(queries: Sequence[str], own: Collection[str]) -> None:
    asked = st.session_state.get("query", "")
    if st.session_state.get(_CHOSEN) not in queries or asked in queries:
        st.session_state[_CHOSEN] = asked if asked in queries else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Query",
            queries,
            key=_CHOSEN,
            index=None,
            placeholder="Choose one",
            format_func=lambda query: f"✓ {query}" if query_key(query) in own else query,
            on_change=_ask_chosen,
        )
        following = next_query(queries, own, asked)
        st.button(
            "Next query",
            key="next-query",
            disabled=following is None,
            on_click=_ask,
            args=(following,),
            icon=":material/skip_next:",
        )


def next_query(queries: Sequence[str], own: Collection[str], asked: str) -> str | None:
    """The next one after what is asked that nobody of one's own judged, from the beginning again after the last."""
    start = queries.index(asked) + 1 if asked in queries else 0
    waiting = (query for query in [*queries[start:], *queries[:start]] if query != asked)
    return next((query for query in waiting if query_key(query) not in own), None)


def _ask_chosen() -> None:
    _ask(st.session_state[_CHOSEN])


def _ask(query: str | None) -> None:
    st.session_state["query"] = query or ""
