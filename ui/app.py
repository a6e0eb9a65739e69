"""What every page has in common: who looks at it, its navigation, and a sketch of a page until the home is open.

`streamlit run` reads the look and the safe settings from `.streamlit/config.toml` beside this file. Opening the home
loads libraries for seconds, so nothing of it is imported before the first lines are drawn.
"""

from pathlib import Path

import streamlit as st

from ui.components.errors import told
from ui.visitors import show_visitor, visitor_name
from ui.warming import note_page

PAGES = {  # by their place in the navigation: at the top, or in a menu, so that all fit in beside the sidebar
    "": [
        st.Page("pages/search.py", title="Search", icon=":material/search:", default=True),
        st.Page("pages/collections.py", title="Collections", icon=":material/folder_open:"),
        st.Page("pages/documents.py", title="Documents", icon=":material/description:"),
        st.Page("pages/judge.py", title="Judge", icon=":material/thumbs_up_down:"),
        st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
    ],
    "More": [
        st.Page("pages/map.py", title="Map", icon=":material/map:"),
        st.Page("pages/similarity.py", title="Similarity", icon=":material/grid_on:"),
        st.Page("pages/status.py", title="Status", icon=":material/monitor_heart:"),
    ],
}
_NEEDED = {  # a verb for each page that isn't everybody's; who may not call it isn't shown the page
    "Collections": "ingest",
    "Judge": "judge",
    "Learn": "train",
    "Status": "job_log",
}
HERE = Path(__file__).parent
_SKETCH_PIXELS = 360
# Streamlit writes white on the button that matters most, which can't be read on the light green of the dark theme.
_DARK_STYLE = "<style>[data-testid^='stBaseButton-primary']:enabled {color: #0c1214}</style>"

st.set_page_config(page_icon=str(HERE / "icon.svg"), layout="centered")  # a tab has its page's title
st.logo(str(HERE / "logo.svg"), size="large")
if st.context.theme.type == "dark":
    st.html(_DARK_STYLE)
is_everybodys = visitor_name() is None
page = st.navigation(PAGES, position="top") if is_everybodys else None
app = None
with told(), st.skeleton(_SKETCH_PIXELS):
    from ui.resources import search_app

    app = search_app()
if app is None:  # the home can't be opened, and the page says why
    st.stop()
if page is None:
    allowed = {
        place: [one for one in pages if app.may(_NEEDED.get(one.title, "search"))] for place, pages in PAGES.items()
    }
    page = st.navigation(allowed, position="top")
page.run()
note_page()
if app.acting is not None:
    show_visitor(app.acting)
