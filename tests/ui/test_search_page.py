import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.explain import Explanation
from search_app.explain.explanation import WordShare
from search_app.requests import IngestRequest
from ui.components.excerpts import excerpt_of
from ui.components.why import score_lines

Visit = Callable[..., AppTest]
_TAG = re.compile(r"<[^>]+>")
_MARK = re.compile(r"<mark[^>]*>([^<]*)</mark>")
_PARTS = {
    "title": re.compile(r"<h4[^>]*>(.*?)</h4>"),
    "score": re.compile(r"</h4>(<span.*?</span>)"),
    "place": re.compile(r'<div class="place"[^>]*>(.*?)</div>'),
    "passage": re.compile(r'<div class="passage"[^>]*>(.*?)</div>', re.DOTALL),
}


def shown(browser: AppTest, part: str) -> list[str]:
    """A part of each card in their order, as a person reads it."""
    found = [one for html in browser.get("html") for one in _PARTS[part].findall(html.proto.body)]
    return [unescape(_TAG.sub("", one)) for one in found]


def titles(browser: AppTest) -> list[str]:
    return shown(browser, "title")


def passages(browser: AppTest) -> list[str]:
    return shown(browser, "passage")


def marks(browser: AppTest) -> list[str]:
    """The parts that are marked."""
    return [found for one in browser.get("html") for found in _MARK.findall(one.proto.body)]


def ranks(browser: AppTest) -> list[str]:
    """The keys of the thumbs, which carry the ranks of the hits."""
    return [one.key for one in browser.get("feedback")]


def captions(browser: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in browser.caption]


def grades(app: SearchApp) -> dict[tuple[str, str], int | None]:
    return {(one.query, one.document_id): one.grade for one in app.judgements()}


def test_a_home_without_collections_leads_to_loading(visit: Visit) -> None:
    browser = visit()
    assert not browser.exception
    assert "**There is no collection yet.**" in [one.value for one in browser.markdown]
    assert not browser.text_input


def test_a_home_that_can_not_be_opened_says_why(shared_home: Path, visit: Visit) -> None:
    (shared_home / "config.toml").write_text("flush_chunks = 0")
    browser = visit()
    assert not browser.exception
    assert "flush_chunks" in browser.error[0].value.replace("\\", "")
    assert not browser.text_input


def test_typing_a_query_shows_hits_with_title_source_passage_and_score(loaded: SearchApp, visit: Visit) -> None:
    browser = visit()
    browser.text_input("query").set_value("kitten").run()
    assert not browser.exception
    assert titles(browser)[0] == "cat"
    assert shown(browser, "place")[0] == "notes/cat.txt · changed 2023-11-14"
    assert passages(browser)[0] == "cat cat dog"
    assert "0.89" in shown(browser, "score")
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
    assert titles(browser) == [payload]
    read = [one.value for one in [*browser.markdown, *browser.caption]]
    assert not any("![" in one or "<script" in one.replace("\\<", "") for one in read)
    assert passages(browser) == [f"cat {payload}"]
    assert not any("<script" in one.proto.body for one in browser.get("html"))


@pytest.fixture
def shelf(app: SearchApp, tmp_path: Path) -> SearchApp:
    """Twenty-five documents in two languages, of which every second one says "cat"."""
    table = tmp_path / "rows.jsonl"
    rows = [
        {
            "_id": f"d{n}",
            "title": f"number {n}",
            "text": "cat " * (n % 2) + "dog " * n + "sea",
            "lang": ["en", "de"][n % 2],
        }
        for n in range(25)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app.ingest(IngestRequest((str(table),)))
    return app


def test_pages_show_every_hit_once_and_stand_in_the_url(shelf: SearchApp, visit: Visit) -> None:
    browser = visit(query="dog")
    assert browser.pagination[0].value == 1
    assert ranks(browser) == [f"thumbs-{rank}" for rank in range(1, 11)]
    browser.pagination[0].set_value(3).run()
    assert browser.query_params["page"] == "3"
    assert ranks(browser) == [f"thumbs-{rank}" for rank in range(21, 26)]
    assert ranks(visit(query="dog", page="2", size="20")) == [f"thumbs-{rank}" for rank in range(21, 26)]


def test_a_hit_of_the_second_page_is_judged_with_its_rank(shelf: SearchApp, visit: Visit) -> None:
    browser = visit(query="dog", page="2")
    browser.feedback("thumbs-12").set_value(1).run()
    assert not browser.exception
    (judged,) = shelf.judgements()
    assert (judged.rank, judged.document_id) == (12, judged.shown[1])


def test_a_new_query_begins_at_the_first_page(shelf: SearchApp, visit: Visit) -> None:
    browser = visit(query="dog", page="2")
    browser.text_input("query").set_value("sea").run()
    assert "page" not in browser.query_params
    assert ranks(browser)[0] == "thumbs-1"


@pytest.mark.parametrize("page", ["0", "9" * 30, "²"])
def test_a_page_that_cannot_be_is_the_first(shelf: SearchApp, visit: Visit, page: str) -> None:
    browser = visit(query="dog", page=page)
    assert not browser.exception
    assert ranks(browser)[0] == "thumbs-1"


def test_the_mode_is_chosen_on_the_page_and_stands_in_the_url(shelf: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten")
    assert any("by meaning and words" in one for one in captions(browser))
    browser.segmented_control("mode").set_value("lexical").run()
    assert browser.query_params["mode"] == "lexical"
    assert "**No hits.**" in [one.value for one in browser.markdown]


def test_facets_are_counted_and_a_click_narrows_the_search_down(shelf: SearchApp, visit: Visit) -> None:
    browser = visit(query="dog")
    facet = browser.pills("facet-0")
    assert (facet.label, facet.options) == ("lang", ["en :gray[13]", "de :gray[12]"])
    facet.set_value('lang="de"').run()
    assert browser.query_params["where"] == 'lang="de"'
    assert any("of 12 documents" in one for one in captions(browser))
    assert {int(title.split()[1]) % 2 for title in titles(browser)} == {1}


def test_words_of_the_query_are_marked_in_any_of_their_forms(loaded: SearchApp, visit: Visit) -> None:
    assert marks(visit(query="cats, a dog"))[:3] == ["cat", "cat", "dog"]


def test_similar_documents_are_shown_by_a_link_and_nobody_judges_them(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(like="notes/cat.txt", collection="docs")
    assert titles(browser)[0] == "dog"
    assert "cat" not in titles(browser)
    assert "Similar to **cat**" in [one.value.replace("\\", "") for one in browser.markdown]
    assert ranks(browser) == []


def test_similar_leads_from_a_hit_to_its_neighbours_and_back(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten")
    browser.button("similar-1").click().run()
    assert browser.query_params["like"] == "notes/cat.txt"
    assert titles(browser)[0] == "dog"
    browser.button("like-no-more").click().run()
    assert "like" not in browser.query_params
    assert titles(browser)[0] == "cat"


def test_a_query_takes_the_place_of_a_document_that_was_searched_by(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(like="notes/cat.txt")
    browser.text_input("query").set_value("loaf").run()
    assert "like" not in browser.query_params
    assert titles(browser)[0] == "bread"


def test_similar_to_a_document_that_is_gone_says_so(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(like="notes/gone.txt")
    assert not browser.exception
    assert any("notes/gone.txt" in one.value.replace("\\", "") for one in browser.error)


def test_open_shows_the_document_with_its_passages(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten")
    browser.button("open-1").click().run()
    assert not browser.exception
    assert "**cat**" in [one.value for one in browser.markdown]
    assert browser.text[0].value == "cat cat dog"


def test_the_link_of_a_title_is_one_of_the_web_or_none(app: SearchApp, visit: Visit, tmp_path: Path) -> None:
    table = tmp_path / "t.jsonl"
    sources = ["https://e.example/a", "javascript:alert(1)"]
    rows = [{"_id": one, "title": "cat", "text": "cat " * (n + 1), "url": one} for n, one in enumerate(sources)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app.ingest(IngestRequest((str(table),)))
    links = [re.findall(r'<a href="([^"]*)"', one.proto.body) for one in visit(query="cat").get("html")]
    assert sorted(links) == [[], ["https://e.example/a"]]


def test_why_tells_what_each_word_adds_and_which_were_matched(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="cat")
    browser.button("why-1").click().run()
    assert not browser.exception
    lines = [one.value.replace("\\", "") for one in browser.markdown]
    assert any(one.startswith("Meaning: cosine 0.894, of which cat +") for one in lines)
    assert any(one.startswith("Words: BM25 ") for one in lines)
    assert any('class="why"' in one.proto.body and "<mark>" in one.proto.body for one in browser.get("html"))


def test_signs_are_not_named_among_the_words_that_made_a_hit(loaded: SearchApp) -> None:
    (hit, *_) = loaded.search("cat").hits
    shares = (WordShare("(", 0.3, None), WordShare("cat", 0.2, None))
    assert (
        score_lines(hit, Explanation(1, similarity=0.5, words=shares))[1]
        == "Meaning: cosine 0.500, of which cat +0.200"
    )


BEST = re.compile(r'<span class="best"[^>]*>(.*?)</span>', re.DOTALL)


def test_the_best_sentence_of_a_hit_is_underlined(app: SearchApp, visit: Visit, tmp_path: Path) -> None:
    told = "The <i>cat</i> sat on the king. Bread, bread and fire."
    (tmp_path / "told.txt").write_text(told)
    app.ingest(IngestRequest((str(tmp_path / "told.txt"),)))
    for query, best in (
        ("kitten", "The &lt;i&gt;cat&lt;/i&gt; sat on the king."),
        ("loaf", "Bread, bread and fire."),
    ):
        for mode in ("dense", "hybrid"):
            browser = visit(query=query, mode=mode)
            assert not browser.exception
            assert [BEST.findall(one.proto.body) for one in browser.get("html")] == [[best]]
            assert passages(browser) == [told]


def test_the_best_sentence_is_shown_wherever_it_stands() -> None:
    text = "A cat is here. " + "Nothing is said. " * 60 + "The\nhound  came home. And so on.\n\nThe end."
    start = text.index("The\nhound")
    best = (start, text.index(" And so on"))
    shown, words, sentence = excerpt_of(text, "cats", best)
    assert sentence is not None
    assert (shown[slice(*sentence)], words) == ("The hound came home.", [])
    assert shown.startswith("… ")
    assert excerpt_of(text, "cats", (0, 14))[1:] == ([(2, 5)], (0, 14))
    assert excerpt_of("One sentence. ", "", (0, 13)) == ("One sentence.", [], None)  # all that is shown


def test_an_excerpt_that_is_cut_ends_with_one_space_before_its_dots() -> None:
    shown, *_ = excerpt_of("word " * 200, "")
    assert shown.endswith("word …")
