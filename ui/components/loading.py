"""Loads documents into a collection: from uploads, from a table that is pasted, or from a folder of this machine."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from ingest.errors import SourceNotFound
from ingest.readers import READERS
from search_app.app import SearchApp
from search_app.config import DEFAULT_COLLECTION
from search_app.errors import UsageError
from search_app.requests import IngestRequest
from ui.components.columns import choose_columns
from ui.components.errors import told
from ui.components.pasted import ask_pasted
from ui.components.uploads import Upload, keep_uploads

_UPLOAD, _PASTE, _PATH = "Upload files", "Paste a table", "Folder or file on this machine"


def show_loading(app: SearchApp, names: Sequence[str]) -> None:
    """Where documents come from and go to; a job starts with the button."""
    collection = st.selectbox(
        "Collection",
        names or [DEFAULT_COLLECTION],
        key="load-collection",
        accept_new_options=True,
        help="Choose one, or type the name of a new one.",
    )
    ways = [_UPLOAD, _PASTE, _PATH] if app.may_name_files else [_UPLOAD, _PASTE]
    way = st.segmented_control("From", ways, default=_UPLOAD, required=True, key="load-way")
    uploads = _ASKED[way]() if way in _ASKED else []
    path = _ask_path() if way == _PATH else ""
    prune = st.checkbox("Remove documents whose files are gone") if way == _PATH else False
    columns = choose_columns(uploads, app.settings.limits)
    if st.button("Load", key="load", type="primary"):
        with told():
            paths = _checked(path) if way == _PATH else _kept(app, collection, uploads)
            app.start(
                IngestRequest(
                    paths,
                    collection.strip(),
                    prune=prune,
                    id_column=columns.id,
                    title_column=columns.title,
                    text_column=columns.text,
                )
            )
            st.rerun()


def _ask_uploads() -> Sequence[Upload]:
    return st.file_uploader(
        "Files", type=list(READERS), accept_multiple_files=True, key="load-files", label_visibility="collapsed"
    )


def _ask_path() -> str:
    return st.text_input("Path", key="load-path", placeholder="/home/me/notes")


def _kept(app: SearchApp, collection: str, uploads: Sequence[Upload]) -> tuple[str, ...]:
    """The uploads' folder, as the paths of an ingest.

    Raises:
        UsageError: There is no file.
    """
    if not uploads:
        raise UsageError("Nothing was chosen. Drop a file into the box, or paste a table.")
    return (str(keep_uploads(app.uploads_folder(), collection, uploads)),)


def _checked(path: str) -> tuple[str, ...]:
    """The path, absolute, as the paths of an ingest.

    Raises:
        UsageError: It is empty.
        SourceNotFound: It isn't there.
    """
    if not path.strip():
        raise UsageError("No path was given. Type the path of a folder or file on the machine that runs Twinsearch.")
    given = Path(path.strip())
    try:
        given = given.expanduser()
        is_there = given.exists()
    except (OSError, RuntimeError):  # a name that is too long, or the ~ of somebody who isn't there
        is_there = False
    if not is_there:
        raise SourceNotFound(f"There is no file or folder {str(given.absolute())!r}. Check the path.")
    return (str(given.absolute()),)


_ASKED: Mapping[str, Callable[[], Sequence[Upload]]] = {_UPLOAD: _ask_uploads, _PASTE: ask_pasted}
