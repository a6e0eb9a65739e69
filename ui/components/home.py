"""The home as it stands: where it is, how large it is, its engine, its encoders, and what runs it."""

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.encoders import EncoderRecord
from search_app.twin.training_report import PAGE_FILE
from ui.components.figures import counted, duration, moment
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
                st.caption(training_line(one.report))
                _offer_report(one)


def encoder_line(one: EncoderRecord) -> str:
    """Fingerprint, size of its vectors, how much it reads, and when it came; Markdown."""
    parts = [
        one.fingerprint[:12],
        f"{one.dim:,} dimensions",
        f"reads {one.max_tokens:,} tokens",
        moment(one.created_at),
    ]
    return " · ".join(plain(part) for part in parts)


def training_line(report: Mapping[str, Any]) -> str:
    """For example "Trained from all-MiniLM-L6-v2 on 812 examples in 3 min 2 s · hit@1 0.61 → 0.72"; Markdown."""
    examples = counted(report["examples"], "example")
    line = plain(f"Trained from {report['base']} on {examples} in {duration(report['seconds'])}")
    gain = report["gain"]
    return f"{line} · {plain(gain['figure'])} {gain['before']:.2f} → {gain['after']:.2f}" if gain else line


def _offer_report(one: EncoderRecord) -> None:
    """The page that its training left, where it still lies beside the encoder."""
    page = Path(one.folder) / PAGE_FILE
    if page.is_file():
        st.download_button(
            "Training report",
            page.read_bytes,
            f"{one.name}-training.html",
            "text/html",
            key=f"training-{one.fingerprint}",
            type="tertiary",
            icon=":material/description:",
            on_click="ignore",
        )


def show_versions() -> None:
    """The packages that decide what this installation does."""
    shown = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
    st.caption(" · ".join(plain(one) for one in shown))
