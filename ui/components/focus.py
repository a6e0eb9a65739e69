"""The only scripts of our own: they put the focus into the empty search box, or back to a hit whose button went.

They are constants, and the content security policy knows them by their hashes.
"""

import streamlit as st

# In blocks of their own: each runs more than once in a window, and a constant of the window can't be declared again.
FOCUS_SCRIPT = """{
  const box = document.querySelector(".st-key-query input");
  if (box && !box.value && document.activeElement === document.body) box.focus();
}"""


FOCUS_BACK_SCRIPT = """{
  const ways = document.currentScript?.closest("[class*='st-key-ways-']");
  const look = (frames) => {  // what had the focus goes when the page comes to rest
    if (document.activeElement === document.body) ways?.querySelector("button")?.focus();
    else if (frames) requestAnimationFrame(() => look(frames - 1));
  };
  look(120);
}"""
SCRIPTS = (FOCUS_SCRIPT, FOCUS_BACK_SCRIPT)


def focus_query_box() -> None:
    """Puts the focus into the empty box; goes at the end of the page, because it takes a little room."""
    st.html(f"<script>{FOCUS_SCRIPT}</script>", unsafe_allow_javascript=True)  # Streamlit has no other way


def focus_hit_again() -> None:
    """Puts the focus to the thumbs of the hit in which this is drawn, if what had it is no longer there."""
    st.html(f"<script>{FOCUS_BACK_SCRIPT}</script>", unsafe_allow_javascript=True)
