"""The web page: its navigation, and nothing else.

`streamlit run` reads the look and the safe settings from `.streamlit/config.toml` beside this file.
"""

from pathlib import Path

import streamlit as st

PAGES = (
    st.Page("pages/search.py", title="Search", icon=":material/search:", default=True),
    st.Page("pages/collections.py", title="Collections", icon=":material/folder_open:"),
    st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
)
HERE = Path(__file__).parent

st.set_page_config(page_title="Twinsearch", page_icon=str(HERE / "icon.svg"), layout="centered")
st.logo(str(HERE / "logo.svg"), size="large")
st.navigation(list(PAGES), position="top").run()
