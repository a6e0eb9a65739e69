"""The one script of our own: it puts the focus into the empty search box.

It is a constant, and the content security policy knows it by its hash.
"""

import streamlit as st

FOCUS_SCRIPT = """
const box = document.querySelector(".st-key-query input");
if (box && !box.value && document.activeElement === document.body) box.focus();
"""


def focus_query_box() -> None:
    """Puts the focus into the empty box; goes at the end of the page, because it takes a little room."""
    st.html(f"<script>{FOCUS_SCRIPT}</script>", unsafe_allow_javascript=True)  # Streamlit has no other way
