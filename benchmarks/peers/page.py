"""A page for a txtai index, as a person writes it who follows txtai's examples: a box, the index in a cache, ten hits.

    PYTHON -m streamlit run benchmarks/peers/page.py -- INDEX

Its box and its first hit have the names that `benchmarks.browsing` looks for. It has no filters, facets or judgements.
"""

import sys
from typing import Any

import streamlit as st
from txtai import Embeddings

_HITS = 10


@st.cache_resource
def loaded(folder: str) -> Any:
    """The index with its encoder."""
    embeddings = Embeddings()
    embeddings.load(folder)
    return embeddings


st.title("Search")
if query := st.text_input("Query"):
    for number, hit in enumerate(loaded(sys.argv[1]).search(query, _HITS), 1):
        with st.container(border=True, key=f"hit-{number}"):
            st.markdown(f"{hit['text']}")
            st.caption(f"{hit['score']:.3f}")
