"""Candidates for one query, to be judged blindly: shuffled, without ranks and scores.

They are pooled from the live generation by meaning and by words, and from the newest ready one. The order is the
query's own, so that it stays while one judges.
"""

import random
from dataclasses import replace
from functools import partial

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.generations import GenerationState
from search_app.catalog.judgements import query_key
from search_app.search import Hit, SearchOptions
from ui.components.errors import kept
from ui.components.figures import counted
from ui.components.grades import grade_buttons
from ui.components.text import excerpt, paragraphs, plain

_DEPTH = 10
_CHARACTERS = 600


def show_blind(app: SearchApp, collection: str, query: str) -> None:
    """The candidates that aren't judged yet, then those that are."""
    found = candidates(app, collection, query)
    held = {
        one.document_id: one.grade
        for one in app.judgements(collection)
        if one.user == app.user and query_key(one.query) == query_key(query)
    }
    done = sum(hit.document_id in held for hit in found)
    st.progress(done / len(found) if found else 0.0, text=f"{done} of {counted(len(found), 'candidate')} judged")
    ordered = sorted(found, key=lambda hit: hit.document_id in held)
    for place, hit in enumerate(ordered):
        with st.container(border=True, key=f"candidate-{place}", gap="xsmall"):
            st.markdown(f"**{plain(hit.title or hit.document_id)}**")
            st.text(excerpt(paragraphs(hit.text), _CHARACTERS), width="stretch")
            note = partial(_judge, app, collection, query, hit.document_id)
            is_first = place == 0 and hit.document_id not in held
            grade_buttons(f"blind-{hit.document_id}", note, held=held.get(hit.document_id), has_keys=is_first)


def candidates(app: SearchApp, collection: str, query: str) -> list[Hit]:
    """The first hits of every way to search, each document once, in an order that tells nothing."""
    ready = [one.number for one in app.generations.list(collection) if one.state is GenerationState.READY][-1:]
    pooled: dict[str, Hit] = {}
    for number in (None, *ready):
        for mode in ("dense", "lexical"):
            options = replace(SearchOptions(collapse=True), generation=number)
            result = app.search(query, collection, k=_DEPTH, mode=mode, options=options)
            pooled |= {hit.document_id: hit for hit in result.hits if hit.document_id not in pooled}
    hits = [pooled[document_id] for document_id in sorted(pooled)]
    random.Random(query_key(query)).shuffle(hits)
    return hits


def _judge(app: SearchApp, collection: str, query: str, document_id: str, grade: int) -> None:
    with kept():
        app.judge(query, document_id, grade, collection=collection)
