"""The server: the pages, the JSON API beside them, and what keeps both safe.

`twinsearch ui` runs it; `streamlit run` finds the `app` below. Nothing heavy is imported here, so that the server is up
at once; `warming` loads the rest a moment later.
"""

import os
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from search_app.login import login_of
from ui.api.routes import routes
from ui.faults import show_fault
from ui.headers import SafeHeaders
from ui.proxy import BehindProxy
from ui.session_uploads import SessionUploads
from ui.warming import warmed

# Else a new server's first visitor who comes by the link of a page gets that file alone: Streamlit takes a folder
# `pages` for all there is until the navigation has been drawn once.
PagesManager.uses_pages_directory = False

app = App(
    Path(__file__).parent / "app.py",
    routes=routes(),
    middleware=[
        Middleware(SafeHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=config.get_option("server.allowedHosts") or ["*"]),
        Middleware(BehindProxy, login=login_of(os.environ)),
        Middleware(SessionUploads),
    ],
    lifespan=warmed,
    on_script_error=show_fault,
)
