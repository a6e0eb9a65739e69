"""Judgements as a table, and in and out as files in the layout of BEIR."""

import io
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import streamlit as st

from search_app.app import SearchApp
from search_app.errors import UsageError
from search_app.feedback import GRADES
from ui.components.errors import told
from ui.components.figures import counted, moment
from ui.components.own_judgements import show_own

_ROWS = 1000


def show_files(app: SearchApp, collection: str) -> None:
    """What there is, and the ways in and out."""
    judged = app.judgements(collection)
    with st.expander(f"All {counted(len(judged), 'judgement')}", type="compact"):
        rows = [
            {
                "query": one.query,
                "document": one.document_id,
                "grade": f"{one.grade} · {GRADES[one.grade]}" if one.grade is not None else "",
                "by": one.user,
                "for": one.split.value,
                "when": moment(one.created_at),
            }
            for one in judged[-_ROWS:]
        ]
        st.dataframe(rows, hide_index=True)
        if judged:
            packed = partial(exported, app, collection)  # made when it is asked for
            st.download_button(
                "Export", packed, f"{collection}-judgements.zip", "application/zip", icon=":material/download:"
            )
    show_own(app, collection)
    with st.expander("Import", type="compact"), st.form("import", border=False):
        queries = st.file_uploader("Queries (queries.jsonl)", type=["jsonl"], key="import-queries")
        qrels = st.file_uploader("Judgements (qrels, .tsv)", type=["tsv"], key="import-qrels")
        if st.form_submit_button("Import"):
            with told():
                if queries is None or qrels is None:
                    raise UsageError("Judgements come as two files: choose the queries and the judgements.")
                count = imported(app, collection, queries.getvalue(), qrels.getvalue())
                st.toast(f"{counted(count, 'judgement')} imported.", icon=":material/check:")


def exported(app: SearchApp, collection: str) -> bytes:
    """The judgements as an archive of the files that `judgements export` writes."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in app.export_judgements(Path(folder), collection=collection):
            archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def imported(app: SearchApp, collection: str, queries: bytes, qrels: bytes) -> int:
    """Takes two uploaded files in; how many judgements they held."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "queries.jsonl"), Path(folder, "qrels.tsv")
        for path, content in zip(paths, (queries, qrels), strict=True):
            path.write_bytes(content)
        return app.import_judgements(*paths, collection=collection)
