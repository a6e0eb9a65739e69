"""Which part of the hits is shown: the page and its size, both in the URL.

Anything that changes what is searched begins at the first page again.
"""

import streamlit as st

from search_app.search import MAX_OFFSET

PAGE, SIZE = "page", "size"
SIZES = (10, 20, 50)
_PAGES_VISIBLE = 7


def first_page() -> None:
    """Goes back to the first page; for the `on_change` of whatever changes the search."""
    st.session_state[PAGE] = 1


def current_page(size: int) -> int:
    """The page that is asked for, from 1; one that can't be is the first."""
    page = _number(st.session_state.get(PAGE, 1))
    st.session_state[PAGE] = page if 1 <= page <= pages_most(size) else 1
    return int(st.session_state[PAGE])


def choose_size() -> int:
    """How many hits a page has."""
    size = _number(st.session_state.get(SIZE, SIZES[0]))
    st.session_state[SIZE] = size if size in SIZES else SIZES[0]
    return st.selectbox("Hits a page", SIZES, key=SIZE, on_change=first_page)


def page_count(page: int, size: int, hit_count: int, document_count: int) -> int:
    """How many pages there are as far as is known: a page that isn't full is the last one."""
    if hit_count < size:
        return page
    return min(max(-(-document_count // size), page), pages_most(size))


def show_pages(page: int, count: int) -> None:
    """The numbers to click, of which `page` is the one that is shown; nothing when there is one page."""
    if count > 1:
        key = f"pages-{page}-{count}"
        st.pagination(count, default=page, key=key, max_visible_pages=_PAGES_VISIBLE, on_change=_turn_to, args=(key,))


def _turn_to(key: str) -> None:
    st.session_state[PAGE] = st.session_state[key]


def pages_most(size: int) -> int:
    """The last page that a search can reach."""
    return MAX_OFFSET // size + 1


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
