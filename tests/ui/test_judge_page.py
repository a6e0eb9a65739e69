import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.catalog.reviews import NewReview
from search_app.errors import UsageError
from search_app.query_files import read_queries
from ui.components.blind import candidates
from ui.components.judgement_files import exported, imported
from ui.components.own_judgements import save

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


def test_queries_of_a_file_are_judged_one_after_the_other(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("judge", collection="docs")
    browser.segmented_control("query-source").set_value("A file").run()
    browser.file_uploader("query-file").upload("queries.tsv", b"q1\tkitten\nq2\thound\nq3\tkitten\n").run()
    assert not browser.exception
    assert "0 of 2 queries judged by you" in [one.text.replace("\\", "") for one in browser.get("progress")]
    browser.button("next-query").click().run()
    assert browser.text_input("query").value == browser.selectbox("query-of-list").value == "kitten"
    browser.button("blind-notes/cat.txt-3").click().run()
    assert "1 of 2 queries judged by you" in [one.text.replace("\\", "") for one in browser.get("progress")]
    browser.button("next-query").click().run()
    assert browser.text_input("query").value == "hound"
    assert browser.button("next-query").disabled
    browser.selectbox("query-of-list").set_value("kitten").run()
    assert browser.text_input("query").value == "kitten"


def test_what_was_asked_on_the_search_page_is_judged_the_most_frequent_first(loaded: SearchApp, visit: Visit) -> None:
    for query in ("hound", "kitten", "Kitten"):
        visit(query=query, collection="docs")
    half = visit(query="kit", collection="docs", live="1")
    half.run()
    browser = visit("judge", collection="docs")
    assert "0 of 2 queries judged by you" in [one.text.replace("\\", "") for one in browser.get("progress")]
    assert browser.selectbox("query-of-list").options == ["Kitten", "hound"]
    loaded.drop_collection("docs")
    loaded.catalog.collections.create("docs")
    assert loaded.asked_queries() == []


@pytest.mark.parametrize(
    ("name", "content", "queries"),
    [
        ("a.txt", "one cat\n\n  two  dogs \nOne Cat\n", ["one cat", "two dogs"]),
        ("a.tsv", 'q1\ta "quoted" cat\n', ['a "quoted" cat']),
        ("a.csv", 'id,Query,note\n1,"a, b",x\n2\n', ["a, b"]),
        ("a.jsonl", '{"_id": "q1", "text": "one"}\r\n"two"\n', ["one", "two"]),
        ("a.jsonl", '{"text": "one\u2028line"}', ["one line"]),
    ],
)
def test_a_file_of_queries_is_read_as_what_it_is_called(name: str, content: str, queries: list[str]) -> None:
    assert read_queries(name, content.encode()) == queries


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", b"x", "'a.pdf' can't be read as queries: its name must end in .txt, .tsv, .csv, .jsonl."),
        ("a.txt", b"\n \n", "'a.txt' holds 0 queries; expected 1 to 5,000."),
        ("a.txt", b"\xff\xfe", "'a.txt' can't be read as .txt in UTF-8: "),
        ("a.jsonl", b"[" * 100_000, "'a.jsonl' can't be read as .jsonl in UTF-8: maximum recursion depth exceeded"),
        ("a.jsonl", b'{"q": 1}', "'a.jsonl' can't be read as .jsonl in UTF-8: line 1 has no text under 'query', "),
    ],
)
def test_what_is_no_file_of_queries_is_told(name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_queries(name, content)
    assert str(refused.value).startswith(sentence)


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


@pytest.mark.parametrize(("query", "has_keys"), [("", True), ("kitten", False)])
def test_the_keys_0_to_3_grade_one_card_only(loaded: SearchApp, visit: Visit, query: str, has_keys: bool) -> None:
    doubt = NewReview("pet", "notes/cat.txt", "", "", 0.9, 0.8, "mine")
    loaded.catalog.reviews.add_many(loaded.catalog.collections.get("docs").id, [doubt])
    browser = visit("judge", query=query, collection="docs")
    keyed = [one.key for one in browser.button if one.proto.shortcut == "2"]
    (review,) = loaded.reviews()
    assert (keyed == [f"review-{review.review.id}-2"]) is has_keys
    assert len(keyed) == 1


def test_what_is_exported_can_be_imported_again(loaded: SearchApp, judged: tuple[Path, Path]) -> None:
    asked_before = {json.loads(line)["text"] for line in judged[0].read_text().splitlines()}
    assert imported(loaded, "docs", *(path.read_bytes() for path in judged)) == len(loaded.judgements())
    with zipfile.ZipFile(io.BytesIO(exported(loaded, "docs"))) as archive:
        (queries,) = [name for name in archive.namelist() if name.endswith("queries.jsonl")]
        asked = {json.loads(line)["text"] for line in archive.read(queries).splitlines()}
    assert asked == asked_before


@pytest.mark.parametrize(("form", "files"), [("trec", ["queries.tsv", "train.qrels"]), ("csv", ["judgements.csv"])])
def test_every_form_goes_out_and_in_by_the_page(loaded: SearchApp, form: str, files: list[str]) -> None:
    loaded.catalog.judgements.add(
        loaded.catalog.collections.get("docs").id, NewJudgement("pet", "notes/cat.txt", 3, split=Split.TRAIN)
    )
    with zipfile.ZipFile(io.BytesIO(exported(loaded, "docs", form))) as archive:
        assert set(files) <= set(archive.namelist())
        *queries, judged = [archive.read(name) for name in files]
    assert imported(loaded, "docs", queries[0] if queries else None, judged, form=form, split=Split.HELDOUT) == 1
    assert {(one.query, one.grade, one.split) for one in loaded.judgements()} == {("pet", 3, Split.TRAIN)}


def test_importing_without_the_files_is_refused_with_a_sentence(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("judge")
    import_button = next(one for one in browser.button if one.label == "Import")
    import_button.click().run()
    assert browser.error[0].value.replace("\\", "").endswith("and queries.jsonl: choose both.")


def test_people_who_judged_the_same_are_told_how_far_they_agree(loaded: SearchApp, visit: Visit) -> None:
    collection_id = loaded.catalog.collections.get("docs").id
    grades = {"ann": (3, 2), "bob": (0, 2)}
    for person, (cat, dog) in grades.items():
        new = [NewJudgement("pet", f"notes/{name}.txt", one, user=person) for name, one in (("cat", cat), ("dog", dog))]
        loaded.catalog.judgements.add_many(collection_id, new)
    browser = visit("judge")
    assert not browser.exception
    assert "Agreement · 1 pair of people, 1 contradiction" in [one.label for one in browser.expander]
    pairs, conflicts = (one.value.to_dict("records") for one in browser.dataframe[:2])
    assert pairs == [{"person": "ann", "and": "bob", "judged by both": 2, "same grade": "50%", "kappa": "0.33"}]
    assert conflicts == [{"query": "pet", "document": "notes/cat.txt", "grades": "bob 0, ann 3"}]


def test_ones_own_judgements_are_mended_and_taken_out_in_a_table(loaded: SearchApp, visit: Visit) -> None:
    for name in ("cat", "dog", "rain"):
        loaded.judge("pet", f"notes/{name}.txt", 3, collection="docs")
    assert "Change your own (3)" in [one.label for one in visit("judge").expander]
    own = loaded.judgements("docs")
    changed = save(loaded, "docs", own, {"edited_rows": {"1": {"grade": 0}, "0": {"grade": 3}}, "deleted_rows": [2]})
    assert changed == 2
    held = {one.document_id: one.grade for one in loaded.judgements("docs")}
    assert held == {"notes/cat.txt": 3, "notes/dog.txt": 0}
