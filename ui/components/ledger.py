"""The ledger of the last ingest: what came how far, what failed and why, and what no encoder saw."""

import csv
import io

import streamlit as st

from search_app.app import SearchApp
from search_app.status import CollectionStatus
from ui.components.figures import counted, moment
from ui.components.text import plain

_STAGES = ("discovered", "unchanged", "read", "encoded", "written", "committed", "failed")


def show_ledger(app: SearchApp, collection: str) -> None:
    """The counts, the failures with a file of them, and the tokens beyond the encoder's length."""
    one = next((one for one in app.status().collections if one.name == collection), None)
    if one is None or one.ingest is None:  # it may have been dropped since it was chosen
        return
    st.header("Last ingest", anchor=False)
    when = f"ended {moment(one.ingest.ended_at)}" if one.ingest.ended_at else f"begun {moment(one.ingest.begun_at)}"
    st.markdown(" · ".join(f"{getattr(one.ingest, stage):,} {stage}" for stage in _STAGES))
    st.caption(when)
    if one.unfinished:
        st.warning(plain(one.unfinished))
    if one.truncated_tokens:
        st.caption(
            f"The encoder doesn't read {counted(one.truncated_tokens, 'token')} beyond its length: see Cut off above."
        )
    rows = failed_rows(one)
    if rows:
        with st.expander(counted(len(rows), "failure"), type="compact"):
            st.dataframe([{"source": source, "reason": reason} for source, reason in rows], hide_index=True)
            st.download_button("Download", as_csv(rows), f"{collection}-failures.csv", "text/csv")


def failed_rows(one: CollectionStatus) -> list[tuple[str, str]]:
    """Where something failed, and why."""
    return [(str(failure.source), str(failure.reason)) for file in one.failed_files for failure in file.failures]


def as_csv(rows: list[tuple[str, str]]) -> str:
    """The rows as CSV; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(("source", "reason"))
    table.writerows([tuple(f"'{cell}" if cell[:1] in "=+-@\t\r" else cell for cell in row) for row in rows])
    return written.getvalue()
