"""Which column of a table serves as what, shown on its first rows: guessed from the names, and to be changed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ingest.limits import Limits
from ingest.readers.head import HEAD_BYTES, TableHead, table_head
from ingest.sandbox.head import is_packed, packed_head
from ui.components.text import plain
from ui.components.uploads import Upload

_NONE = "–"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a person chose otherwise than they are guessed; None leaves it to the guess."""

    id: str | None = None
    title: str | None = None
    text: str | None = None


def choose_columns(uploads: Sequence[Upload], limits: Limits) -> Columns:
    """The choice for the first table among the files; as guessed where there is none."""
    heads = (_head(one, limits) for one in uploads)
    head = next((one for one in heads if one is not None), None)
    if head is None:
        return Columns()
    st.caption(f"The first rows of {plain(head.source)}")
    st.dataframe(
        pd.DataFrame([{name: str(row.get(name, "")) for name in head.names} for row in head.rows]), hide_index=True
    )
    guess = head.guess
    roles = zip(st.columns(3), ("text", "title", "id"), strict=True)
    chosen = {role: _choose(column, role, head, getattr(guess, role, None)) for column, role in roles}
    if chosen["text"] is None and guess is None:
        st.warning(
            "No column's name says that it holds the text. Choose one, or the table is one document, a line a row.",
            icon=":material/table:",
        )
    others = [name for name in head.names if name not in _serving(head, chosen)]
    if others:
        st.caption(f"Kept as metadata, to filter by: {plain(', '.join(others))}")
    return Columns(**chosen)


def _head(upload: Upload, limits: Limits) -> TableHead | None:
    plain_head = table_head(upload.name, bytes(upload.getbuffer()[:HEAD_BYTES]))
    return plain_head or (_packed(upload.name, bytes(upload.getbuffer()), limits) if is_packed(upload.name) else None)


@st.cache_data(max_entries=4, show_spinner="Reading the first rows …")
def _packed(name: str, content: bytes, _limits: Limits) -> TableHead | None:
    """Read once: a process is started for it."""
    return packed_head(name, content, _limits)


def _choose(column: "st.delta_generator.DeltaGenerator", role: str, head: TableHead, guess: str | None) -> str | None:
    """The column that was chosen for a role; None where it is the one that is guessed."""
    options = [*head.names] if guess else [_NONE, *head.names]
    chosen = column.selectbox(
        role.capitalize(), options, index=options.index(guess) if guess else 0, key=f"column-{role}-{head.source}"
    )
    return None if chosen in (_NONE, guess) else chosen


def _serving(head: TableHead, chosen: dict[str, str | None]) -> set[str | None]:
    return {chosen[role] or getattr(head.guess, role, None) for role in chosen}
