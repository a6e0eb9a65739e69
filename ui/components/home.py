"""The home as it stands: where it is, how large it is, its engine, its encoders, and what runs it."""

import platform
import shutil
from importlib.metadata import version

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.encoders import EncoderRecord
from ui.components.figures import moment
from ui.components.text import plain

_PACKAGES = ("twinsearch", "streamlit", "pymilvus", "milvus-lite", "torch", "transformers", "sqlalchemy")


def show_engine(app: SearchApp) -> None:
    """Where the vectors are, and what room is left."""
    status = app.status()
    free = shutil.disk_usage(app.home.path).free
    left, middle, right = st.columns(3)
    if status.engine is None:
        left.metric("Milvus", "server")
    else:
        left.metric("Embedded Milvus", "running" if status.engine.running else "asleep", help=_ASLEEP)
        middle.metric("Vectors on disk", size(status.engine.data_bytes))
    right.metric("Free on the disk", size(free))
    st.caption(f"{plain(status.home)}{f' · {plain(status.milvus_uri)}' if status.milvus_uri else ''}")


_ASLEEP = "It ends itself when nobody searches for a while, and starts again with the next search."


def size(byte_count: int) -> str:
    """For example "12.3 MB" or "4.0 GB"."""
    return f"{byte_count / 1e9:,.1f} GB" if byte_count >= 1e9 else f"{byte_count / 1e6:,.1f} MB"


def show_encoders(app: SearchApp) -> None:
    """A card an encoder, the newest first."""
    found = app.catalog.encoders.list()
    if not found:
        st.caption("No encoder was used yet; the first ingest loads the default one.")
    for one in reversed(found):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{plain(one.name)}**")
            st.caption(encoder_line(one))
            if one.report:
                with st.expander("Training report", type="compact"):
                    st.json(dict(one.report), expanded=1)


def encoder_line(one: EncoderRecord) -> str:
    """Fingerprint, size of its vectors, how much it reads, and when it came; Markdown."""
    parts = [
        one.fingerprint[:12],
        f"{one.dim:,} dimensions",
        f"reads {one.max_tokens:,} tokens",
        moment(one.created_at),
    ]
    return " · ".join(plain(part) for part in parts)


def show_versions() -> None:
    """The packages that decide what this installation does."""
    shown = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
    st.caption(" · ".join(plain(one) for one in shown))
