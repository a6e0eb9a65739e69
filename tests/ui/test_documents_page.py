from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.requests import IngestRequest
from ui.components.ledger import as_csv, show_ledger

Visit = Callable[..., AppTest]


def titles(browser: AppTest) -> list[str]:
    return [one.value.strip("*") for one in browser.markdown if one.value.startswith("**")]


def test_documents_are_listed_filtered_shown_and_removed(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("documents", collection="docs")
    assert not browser.exception
    assert titles(browser) == ["bread", "cat", "dog", "rain"]
    browser.text_input("like").set_value("ra").run()
    assert titles(browser) == ["rain"]
    assert browser.query_params["like"] == "ra"
    browser.button("remove-0").click().run()
    assert not browser.exception
    assert "No document is like that." in [one.value for one in browser.caption]
    assert loaded.status().collections[0].document_count == 3


def test_another_collection_is_listed_from_its_first_document(loaded: SearchApp, visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(21):
        (tmp_path / "many" / f"n{number:02}.txt").write_text(f"cat {number}")
    loaded.ingest(IngestRequest((str(tmp_path / "many"),), "many"))
    browser = visit("documents", collection="many")
    next(one for one in browser.button if one.label == "Next").click().run()
    assert titles(browser) == ["n20"]
    browser.button("remove-0").click().run()
    assert titles(browser)[::19] == ["n00", "n19"]  # nothing is left of the second page
    browser.selectbox("collection").set_value("docs").run()
    assert titles(browser) == ["bread", "cat", "dog", "rain"]


def test_the_ledger_tells_what_failed_and_the_index_how_well_it_finds(
    app: SearchApp, visit: Visit, notes: Path
) -> None:
    (notes / "bad.docx").write_bytes(b"PK\x03\x04 no package")
    app.run(IngestRequest((str(notes),)))
    browser = visit("documents")
    assert "1 failure" in [one.label for one in browser.expander]
    next(one for one in browser.button if one.label == "Measure").click().run()
    assert not browser.exception
    assert [(one.label, one.value) for one in browser.metric][::2] == [
        ("Found of the ten nearest", "100.0%"),
        ("Vectors", "4"),
    ]


def test_a_cell_that_looks_like_a_formula_is_none_in_the_file() -> None:
    assert as_csv([("=cmd()", "it broke")]).splitlines()[1] == "'=cmd(),it broke"


def test_a_collection_that_was_dropped_a_moment_ago_has_no_ledger(app: SearchApp) -> None:
    show_ledger(app, "gone")
