"""Judgements as a table, and in and out as files in the forms that the command line knows."""

import io
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import streamlit as st

from search_app.app import SearchApp
from search_app.catalog.judgements import Split
from search_app.errors import UsageError
from search_app.feedback import GRADES
from search_app.judgement_files import FORMS
from ui.components.errors import told
from ui.components.figures import counted, moment
from ui.components.own_judgements import show_own

_ROWS = 1000
_FORM_NAMES = {"beir": "BEIR", "trec": "TREC", "csv": "CSV"}
_FORMS_HELD = {
    "beir": "BEIR: qrels with a header (.tsv), and queries.jsonl",
    "trec": "TREC: qrels without one (.qrels), and queries with tabs (.tsv)",
    "csv": "CSV: one file with all that is known of each judgement",
}
_SPLITS = {None: "training, and one in four held out", Split.TRAIN: "training", Split.HELDOUT: "the held-out part"}


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
            _offer_export(app, collection)
    show_own(app, collection)
    with st.expander("Import", type="compact"), st.form("import", border=False):
        _show_import(app, collection)


def _offer_export(app: SearchApp, collection: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        form = st.segmented_control(
            "Form", list(FORMS), format_func=_FORM_NAMES.__getitem__, default="beir", required=True, key="export-form"
        )
        packed = partial(exported, app, collection, form)  # made when it is asked for
        name = f"{collection}-judgements-{form}.zip"
        st.download_button("Export", packed, name, "application/zip", icon=":material/download:")


def _show_import(app: SearchApp, collection: str) -> None:
    form = st.selectbox("Form", list(FORMS), format_func=_FORMS_HELD.__getitem__, key="import-form")
    judged = st.file_uploader("Judgements", type=["tsv", "qrels", "txt", "csv"], key="import-judged")
    queries = st.file_uploader("The queries' texts; CSV needs none", type=["jsonl", "tsv", "txt"], key="import-queries")
    split = st.selectbox("The queries are for", list(_SPLITS), format_func=_SPLITS.__getitem__, key="import-split")
    if st.form_submit_button("Import"):
        with told():
            if judged is None or (queries is None and FORMS[form].has_queries):
                raise UsageError(f"{_FORMS_HELD[form]}: choose {'both' if FORMS[form].has_queries else 'it'}.")
            held = None if queries is None else queries.getvalue()
            count = imported(app, collection, held, judged.getvalue(), form=form, split=split)
            st.toast(f"{counted(count, 'judgement')} imported.", icon=":material/check:")


def exported(app: SearchApp, collection: str, form: str = "beir") -> bytes:
    """The judgements as an archive of the files that `judgements export` writes."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in app.export_judgements(Path(folder), collection=collection, form=form):
            archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def imported(
    app: SearchApp,
    collection: str,
    queries: bytes | None,
    judged: bytes,
    *,
    form: str = "beir",
    split: Split | None = None,
) -> int:
    """Takes uploaded files in; how many judgements they held."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told_grades = Path(folder, "queries"), Path(folder, "judgements")
        told_grades.write_bytes(judged)
        if queries is not None:
            asked.write_bytes(queries)
        given = asked if queries is not None else None
        return app.import_judgements(given, told_grades, collection=collection, split=split, form=form)
