import json
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.requests import IngestRequest

Visit = Callable[..., AppTest]


def titles(browser: AppTest) -> list[str]:
    """The titles of the hits, in their order, without Markdown's signs."""
    shown = [one.value for one in browser.markdown if one.value.startswith("#### ")]
    return [one.removeprefix("#### ").replace("\\", "") for one in shown]


def captions(browser: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in browser.caption]


def grades(app: SearchApp) -> dict[tuple[str, str], int | None]:
    return {(one.query, one.document_id): one.grade for one in app.judgements()}


def test_a_home_without_collections_leads_to_loading(visit: Visit) -> None:
    browser = visit()
    assert not browser.exception
    assert "**There is no collection yet.**" in [one.value for one in browser.markdown]
    assert not browser.text_input


def test_typing_a_query_shows_hits_with_title_source_passage_and_score(loaded: SearchApp, visit: Visit) -> None:
    browser = visit()
    browser.text_input("query").set_value("kitten").run()
    assert not browser.exception
    assert titles(browser)[0] == "cat"
    assert "notes/cat.txt · changed 2023-11-14" in captions(browser)
    assert browser.text[0].value == "cat cat dog"
    assert "0.89" in [one.value.split("[")[1].rstrip("]") for one in browser.markdown if "-badge[" in one.value]
    assert browser.query_params == {"query": "kitten", "collection": "docs"}


def test_a_link_shows_the_same_page_again(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="hound", collection="docs", where=["source=notes/dog.txt", "exists title"])
    assert titles(browser) == ["dog"]
    assert browser.text_input("query").value == "hound"
    assert browser.multiselect("where").value == ["source=notes/dog.txt", "exists title"]
    assert browser.query_params["where"] == ["source=notes/dog.txt", "exists title"]


def test_the_url_wins_when_it_changes_under_the_page(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="hound")
    browser.query_params["query"] = "loaf"  # the back button
    assert titles(browser.run())[0] == "bread"


def test_examples_come_from_the_collection_and_fill_the_box(loaded: SearchApp, visit: Visit) -> None:
    browser = visit()
    assert [one.label for one in browser.button] == ["bread fire", "cat cat dog", "dog", "rain sea night"]
    browser.button("example-3").click().run()
    assert browser.text_input("query").value == browser.query_params["query"] == "rain sea night"
    assert titles(browser)[0] == "rain"


def test_examples_are_answered_queries_once_there_are_some(loaded: SearchApp, visit: Visit) -> None:
    loaded.judge("kitten", "notes/cat.txt", 2)
    loaded.judge("hound", "notes/cat.txt", 0)
    assert [one.label for one in visit().button] == ["kitten"]


def test_a_thumb_is_written_down_at_once_and_undone_at_once(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten")
    browser.feedback("thumbs-1").set_value(1).run()
    assert grades(loaded) == {("kitten", "notes/cat.txt"): 2}
    assert "Noted: answers it" in captions(browser)
    browser.button("undo-1").click().run()
    assert grades(loaded) == {}
    assert "Noted: answers it" not in captions(browser)


def test_a_judgement_remembers_what_was_shown(loaded: SearchApp, visit: Visit) -> None:
    visit(query="kitten").feedback("thumbs-2").set_value(0).run()
    (judged,) = loaded.judgements()
    assert (judged.grade, judged.rank, judged.generation_number, judged.user) == (0, 2, 1, "ann")
    assert judged.document_id == judged.shown[1]


def test_clicking_the_same_thumb_again_takes_it_back_and_the_other_one_replaces_it(
    loaded: SearchApp, visit: Visit
) -> None:
    browser = visit(query="kitten")
    browser.feedback("thumbs-1").set_value(1).run()
    browser.feedback("thumbs-1").set_value(0).run()
    assert grades(loaded) == {("kitten", "notes/cat.txt"): 0}
    browser.feedback("thumbs-1").set_value(None).run()
    assert grades(loaded) == {}


def test_a_reload_shows_what_was_judged_by_the_page_or_the_command_line(loaded: SearchApp, visit: Visit) -> None:
    loaded.judge("Kitten ", "notes/cat.txt", 3)
    browser = visit(query="kitten")
    assert browser.feedback("thumbs-1").value == 1
    assert "Noted: the best answer" in captions(browser)


def test_a_judgement_that_fails_says_why_and_the_page_goes_on(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten")
    loaded.drop_collection("docs")
    browser.feedback("thumbs-1").set_value(1).run()
    assert not browser.exception
    assert browser.error[0].value.replace("\\", "").startswith("There is no collection 'docs'.")


def test_no_hits_say_so(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="cat", where=["title=nobody"])
    assert "**No hits.**" in [one.value for one in browser.markdown]
    assert not browser.error


def test_errors_are_the_sentences_of_the_command_line(loaded: SearchApp, visit: Visit) -> None:
    def told(**parameters: object) -> list[str]:
        return [one.value.replace("\\", "") for one in visit(**parameters).error]

    assert told(query="  ") == ["The query is empty. Type at least one word."]
    assert told(query="x", collection="gone") == ["There is no collection 'gone'. There are: 'docs'."]
    assert told(query="x", where=["colour=red"]) == [
        "No document has a field 'colour'. The fields are: id, title, source, origin, modified."
    ]
    assert told(query="x", where=["?"])[0].startswith("The filter '?' can't be read.")


def test_an_unknown_collection_in_the_url_is_not_searched_in_another_one(loaded: SearchApp, visit: Visit) -> None:
    assert titles(visit(query="cat", collection="gone")) == []


def test_text_from_outside_is_never_markdown(app: SearchApp, visit: Visit, tmp_path: Path) -> None:
    table = tmp_path / "t.jsonl"
    payload = "![x](http://e.example/p.png) <script>alert(1)</script>"
    table.write_text(json.dumps({"_id": "1", "title": payload, "text": f"cat {payload}", "m": payload}))
    app.ingest(IngestRequest((str(table),), whole=True))
    browser = visit(query="cat")
    assert not browser.exception
    assert titles(browser) == [payload.replace("://", "://\u2060")]
    read = [one.value for one in [*browser.markdown, *browser.caption]]
    assert not any("![" in one or "<script" in one.replace("\\<", "") for one in read)
    assert browser.text[0].value == f"cat {payload}"
