"""One's own judgements as a table to be mended: other grades, and rows taken out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.judgements import Judgement
from search_app.feedback import GRADES
from ui.components.errors import told
from ui.components.figures import counted

_ROWS = 500  # the newest; more makes a table slow to draw
_TABLE = "own-judgements"


def show_own(app: SearchApp, collection: str) -> None:
    """The table, and a button that writes down what was changed in it; nothing where one has judged nothing."""
    own = [one for one in app.judgements(collection) if one.user == app.user][-_ROWS:][::-1]
    if not own:
        return
    with st.expander(f"Change your own ({len(own):,})", type="compact", icon=":material/edit:"):
        key = f"{_TABLE}-{own[0].id}-{len(own)}"  # a table of other rows has changes of its own
        st.data_editor(
            pd.DataFrame([{"query": one.query, "document": one.document_id, "grade": one.grade} for one in own]),
            column_config={
                "grade": st.column_config.SelectboxColumn("grade", options=list(GRADES), format_func=_meaning)
            },
            disabled=["query", "document"],
            num_rows="delete",
            hide_index=True,
            key=key,
        )
        st.caption("Choose another grade, or mark rows and take them out; nothing is written before you save.")
        if st.button("Save", key="save-own", icon=":material/save:"):
            with told():
                changed = save(app, collection, own, st.session_state[key])
                st.toast(f"{counted(changed, 'judgement')} changed.", icon=":material/check:")
                st.rerun()


def save(app: SearchApp, collection: str, own: Sequence[Judgement], edits: Mapping[str, Any]) -> int:
    """Judges anew what has another grade and withdraws what was taken out; how many rows that were.

    Args:
        own: The rows of the table.
        edits: As the table reports them: "edited_rows" by place, and the places of "deleted_rows".
    """
    changed = 0
    gone = set(edits.get("deleted_rows", ()))
    for place in gone:
        app.withdraw(own[place].id)
        changed += 1
    for place, cells in edits.get("edited_rows", {}).items():
        one, grade = own[int(place)], cells.get("grade")
        if int(place) not in gone and grade is not None and grade != one.grade:
            app.judge(one.query, one.document_id, int(grade), collection=collection)
            changed += 1
    return changed


def _meaning(grade: str | float) -> str:
    return f"{grade} · {GRADES[int(grade)]}"
