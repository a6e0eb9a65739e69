import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.generations import GenerationState
from search_app.catalog.jobs import Job
from search_app.catalog.judgements import NewJudgement, Split
from search_app.jobs import Jobs, as_json
from search_app.requests import IngestRequest, LearnRequest, PreviewRequest, ReindexRequest, TrainRequest
from search_app.twin.checkpoints import CURVE_FILE
from search_app.twin.examples import Shape
from search_app.twin.findings import Finding, Severity
from search_app.twin.objectives import OBJECTIVES
from ui.components.charts import GAIN, LOSS
from ui.components.examined import finding_line
from ui.components.training import LOSSES

Visit = Callable[..., AppTest]


def lines(browser: AppTest) -> list[str]:
    shown = [*browser.markdown, *browser.caption, *browser.error, *browser.info]
    return [one.value.replace("\\", "").replace("\u2060", "") for one in shown]


def figures(browser: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in browser.metric}


def charts(browser: AppTest) -> list[dict[str, Any]]:
    return [json.loads(one.proto.spec) for one in browser.get("echarts_chart")]


def running(app: SearchApp, request: TrainRequest | LearnRequest) -> Job:
    """A job that says that this very process does it."""
    job = app.jobs.take_up("train" if isinstance(request, TrainRequest) else "learn", request)
    app.catalog.jobs.start(job.id, os.getpid(), psutil.Process().create_time())
    return job


@pytest.fixture
def only_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are asked for and not begun: the work itself is tried in test_jobs and test_learning."""
    monkeypatch.setattr(Jobs, "spawn", lambda *_, **__: None)


def chosen_encoder(browser: AppTest) -> Any:
    """The box of the encoder to index with."""
    return next(one for one in browser.selectbox if one.label == "Encoder")


@pytest.fixture
def taught(loaded: SearchApp, judged: tuple[Path, Path]) -> SearchApp:
    """The notes with held-out judgements that fluent answers and literal doesn't, and a generation 2 by literal."""
    loaded.import_judgements(*judged, split=Split.HELDOUT)
    loaded.reindex(ReindexRequest("docs", "literal"))
    return loaded


def states(app: SearchApp) -> list[GenerationState]:
    return [one.state for one in app.generations.list("docs")]


def test_a_home_without_collections_leads_to_loading(visit: Visit) -> None:
    browser = visit("learn")
    assert not browser.exception
    assert "**There is no collection yet.**" in lines(browser)


def test_without_judgements_the_page_says_how_to_get_some(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    assert figures(browser) == {"Judgements": "0", "Queries to learn from": "0", "Queries held out": "0"}
    assert browser.info[0].value.startswith("Nothing to learn from yet.")


def test_judgements_are_counted_by_what_they_are_for(taught: SearchApp, visit: Visit) -> None:
    taught.judge("cat", "notes/cat.txt", 2)
    total = taught.status().collections[0].judgements
    browser = visit("learn")
    assert figures(browser)["Judgements"] == "9"
    assert figures(browser)["Queries held out"] == str(total.query_counts[Split.HELDOUT])


@pytest.mark.slow
def test_the_link_of_another_collection_shows_that_one(loaded: SearchApp, visit: Visit) -> None:
    loaded.catalog.collections.create("faq")
    browser = visit("learn", collection="faq")
    assert browser.selectbox("collection").value == "faq"
    assert "This collection holds nothing yet. Load documents first." in lines(browser)


def test_train_starts_a_job_with_the_name_and_the_settings(loaded: SearchApp, visit: Visit, only_asked: None) -> None:
    browser = visit("learn")
    assert browser.text_input("train-as-docs-1").value == "docs-1"
    browser.text_input("train-as-docs-1").set_value(" notes-1 ")
    next(one for one in browser.button if one.label == "Train").click().run()
    (view,) = loaded.jobs.views()
    assert (view.job.kind, view.job.arguments["name"], view.job.arguments["loss"]) == ("train", "notes-1", "auto")
    assert "**Train notes-1**" in lines(browser)


def test_a_reindex_tells_what_it_takes_before_it_is_started(loaded: SearchApp, visit: Visit, only_asked: None) -> None:
    browser = visit("learn")
    next(one for one in browser.button if one.label == "Re-index").click().run()
    assert any(one.startswith("The full build encodes 0 chunks: about ") for one in lines(browser))
    assert loaded.jobs.views() == []
    browser.button("reindex-drop").click().run()
    assert "reindex-start" not in [one.key for one in browser.button]
    next(one for one in browser.button if one.label == "Re-index").click().run()
    browser.button("reindex-start").click().run()
    assert [(one.job.kind, one.job.collection) for one in loaded.jobs.views()] == [("reindex", "docs")]


def test_a_training_under_way_shows_its_curves(loaded: SearchApp, visit: Visit) -> None:
    job = running(loaded, LearnRequest("docs"))
    folder = loaded.jobs.folder(job.id) / "checkpoints"
    folder.mkdir()
    points = [
        {"step": 0, "eval_loss": 2.0, "eval_MRR@10": 0.5},
        {"step": 1, "loss": 1.75},
        {"step": 2, "loss": 1.5, "grad_norm": 9.0},
        {"step": 2, "eval_loss": 1.25, "eval_MRR@10": 0.75},
    ]
    (folder / CURVE_FILE).write_text("".join(f"{json.dumps(point)}\n" for point in points))
    browser = visit("learn")
    assert not browser.exception
    assert "**Learn for docs**" in lines(browser)
    losses, figure = charts(browser)
    assert {one["name"]: one["data"] for one in losses["series"]} == {
        "in training": [[1, 1.75], [2, 1.5]],
        "set aside": [[0, 2.0], [2, 1.25]],
    }
    assert [(one["name"], one["data"]) for one in figure["series"]] == [("MRR@10", [[0, 0.5], [2, 0.75]])]


def test_learning_waits_for_enough_held_out_queries(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    assert next(one for one in browser.button if one.label == "Learn").disabled
    assert any(one.startswith("To show a gain takes 5 held-out queries") for one in lines(browser))


def test_an_encoder_that_is_new_is_the_one_that_a_reindex_takes(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    assert chosen_encoder(browser).value == "fluent"
    loaded.reindex(ReindexRequest("docs", "literal"))
    browser.run()
    assert chosen_encoder(browser).value == "literal"


def test_learn_and_preview_start_jobs_with_what_was_chosen(taught: SearchApp, visit: Visit, only_asked: None) -> None:
    browser = visit("learn")
    browser.checkbox("learn-mine").check()
    browser.multiselect("learn-corpus").set_value(["title"])
    next(one for one in browser.button if one.label == "Learn").click().run()
    chosen_encoder(browser).set_value("literal")
    next(one for one in browser.button if one.label == "Preview").click().run()
    assert not browser.exception
    asked = {view.job.kind: view.job.arguments for view in taught.jobs.views()}
    assert asked == {
        "learn": as_json(LearnRequest("docs", from_corpus=("title",), mine=True)),
        "preview": as_json(PreviewRequest("docs", "literal")),
    }


def test_the_examples_are_checked_before_time_is_spent(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    browser.button("examine").click().run()
    assert "nothing to learn from" in browser.error[0].value
    for query, name in (("cat", "cat"), ("dog", "dog"), ("bread", "bread")):
        loaded.catalog.judgements.add(
            loaded.catalog.collections.get("docs").id,
            NewJudgement(query, f"notes/{name}.txt", 3, user="ann", split=Split.TRAIN),
        )
    browser.button("examine").click().run()
    assert "**3 examples** to learn from, 0 more set aside to measure on while it learns." in lines(browser)


def test_a_finding_says_what_how_often_and_what_to_do() -> None:
    found = Finding(Severity.ERROR, "empty", "a text is empty", 2, "<b>", "Remove it.")
    assert finding_line(found) == (
        ":red[:material/error:] A text is empty \\(2\\, such as “\\<b\\>”\\)\\. Remove it\\."
    )


def test_the_losses_on_offer_are_those_that_fit_judgements() -> None:
    assert all(Shape.QUERIES in OBJECTIVES[name].shapes for name in LOSSES if name != "auto")


def test_a_free_name_counts_on_from_the_jobs_that_were_started(loaded: SearchApp, visit: Visit) -> None:
    loaded.jobs.take_up("train", TrainRequest("docs-1"))
    assert visit("learn").text_input("train-as-docs-2").value == "docs-2"


def test_compare_shows_the_verdicts_sentence_and_a_reload_keeps_it(taught: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    browser.button("compare-2").click().run()
    assert not browser.exception
    (sentence,) = [one for one in lines(browser) if "against generation 1" in one]
    assert sentence.endswith("The gate keeps the live generation.")
    assert sentence in lines(visit("learn"))
    verdict = taught.verdict("docs", 2)
    assert sentence == verdict.sentence
    (chart,) = charts(browser)
    bars = [(one["value"], one["itemStyle"]["color"]) for one in chart["series"][0]["data"]]
    assert len(bars) == verdict.losses
    assert all(value < 0 and color == LOSS != GAIN for value, color in bars)
    assert {one.label: one.value for one in browser.metric}["Queries worse"] == str(verdict.losses)


def test_the_gate_refuses_a_worse_generation_until_a_person_insists(taught: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    browser.button("switch-2").click().run()
    assert states(taught) == [GenerationState.LIVE, GenerationState.READY]
    assert any("The gate keeps the live generation" in one for one in lines(browser))
    browser.button("force-2").click().run()
    assert not browser.exception
    assert states(taught) == [GenerationState.RETIRED, GenerationState.LIVE]


def test_a_refusal_tells_its_reasons_and_is_that_of_no_other_collection(
    taught: SearchApp, visit: Visit, notes: Path
) -> None:
    taught.ingest(IngestRequest((str(notes),), "others"))
    taught.reindex(ReindexRequest("others", "literal"))
    browser = visit("learn")
    browser.button("switch-2").click().run()
    assert figures(browser)["Queries worse"] == str(taught.verdict("docs", 2).losses)
    browser.selectbox("collection").select("others").run()
    assert not browser.exception
    assert not browser.error
    assert "force-2" not in [one.key for one in browser.button]


def test_a_rollback_lets_the_generation_before_answer_again(taught: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    browser.button("switch-2").click().run()
    browser.button("force-2").click().run()
    browser.button("rollback").click().run()
    assert not browser.exception
    history = browser.dataframe[-1].value.to_dict("records")
    assert [(one["live since then"], one["before"], one["how"]) for one in history] == [
        ("1", "2", "rolled back"),
        ("2", "1", "by hand, past the gate"),
        ("1", "–", "the first one"),
    ]
    assert states(taught) == [GenerationState.LIVE, GenerationState.RETIRED]


def test_a_generation_that_is_not_live_can_be_dropped(taught: SearchApp, visit: Visit) -> None:
    browser = visit("learn")
    browser.button("drop-2").click().run()
    assert states(taught) == [GenerationState.LIVE, GenerationState.DROPPED]
    assert "Dropped: 2" in lines(browser)


def test_comparing_without_held_out_judgements_says_what_is_missing(loaded: SearchApp, visit: Visit) -> None:
    loaded.reindex(ReindexRequest("docs", "literal"))
    browser = visit("learn")
    browser.button("compare-2").click().run()
    assert browser.error[0].value.replace("\\", "").startswith("Collection 'docs' has no held-out judgements")


def test_a_reindex_that_is_done_says_what_the_gate_decided(taught: SearchApp, visit: Visit) -> None:
    taught.run(ReindexRequest("docs", "literal", switch=True))
    (sentence,) = [one for one in lines(visit("learn")) if one.endswith("it isn't live.")]
    assert "The gate keeps the live generation." in sentence
