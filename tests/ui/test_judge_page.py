import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.reviews import NewReview
from ui.components.blind import candidates
from ui.components.judgement_files import exported, imported

Visit = Callable[..., AppTest]


def lines(browser: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in [*browser.markdown, *browser.caption]]


def test_candidates_are_judged_without_ranks_and_scores(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("judge", query="kitten", collection="docs")
    assert not browser.exception
    assert "0 of 4 candidates judged" in [one.text.replace("\\", "") for one in browser.get("progress")]
    browser.button("blind-notes/cat.txt-3").click().run()
    assert not browser.exception
    assert {(one.query, one.document_id): one.grade for one in loaded.judgements()} == {("kitten", "notes/cat.txt"): 3}
    assert "1 of 4 candidates judged" in [one.text.replace("\\", "") for one in browser.get("progress")]
    assert not any("0.8" in one for one in lines(browser))


def test_the_order_of_candidates_is_the_querys_own(loaded: SearchApp) -> None:
    orders = [[hit.document_id for hit in candidates(loaded, "docs", query)] for query in ("kitten", "Kitten ", "dog")]
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == sorted(orders[2])


def test_doubtful_passages_are_judged_or_dismissed_one_by_one(loaded: SearchApp, visit: Visit) -> None:
    collection_id = loaded.catalog.collections.get("docs").id
    doubts = [NewReview("pet", f"notes/{name}.txt", "", "", 0.9, 0.8, "mine") for name in ("cat", "dog")]
    loaded.catalog.reviews.add_many(collection_id, doubts)
    first, second = loaded.reviews()
    browser = visit("judge")
    assert "2 passages may answer a query though nobody judged them." in lines(browser)
    browser.button(f"review-{first.review.id}-2").click().run()
    assert [one.grade for one in loaded.judgements()] == [2]
    browser.button(f"dismiss-{second.review.id}").click().run()
    assert not browser.exception
    assert loaded.reviews() == ()


def test_what_is_exported_can_be_imported_again(loaded: SearchApp, judged: tuple[Path, Path]) -> None:
    asked_before = {json.loads(line)["text"] for line in judged[0].read_text().splitlines()}
    assert imported(loaded, "docs", *(path.read_bytes() for path in judged)) == len(loaded.judgements())
    with zipfile.ZipFile(io.BytesIO(exported(loaded, "docs"))) as archive:
        (queries,) = [name for name in archive.namelist() if name.endswith("queries.jsonl")]
        asked = {json.loads(line)["text"] for line in archive.read(queries).splitlines()}
    assert asked == asked_before


def test_importing_one_file_alone_is_refused_with_a_sentence(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("judge")
    next(one for one in browser.button if one.label == "Import").click().run()
    assert browser.error[0].value.replace("\\", "").startswith("Judgements come as two files")
