from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.jobs import JobState
from search_app.cli.outcomes import TEXTS
from search_app.jobs import as_json
from search_app.mined_file import MineOutcome
from search_app.request_kinds import KINDS
from search_app.requests import IngestRequest
from search_app.retrieval import Approach, Mode
from search_app.tuning import TuningOutcome
from ui.components.home import size
from ui.components.jobs import job_title
from ui.components.outcomes import TELLERS

Visit = Callable[..., AppTest]


def lines(browser: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in [*browser.markdown, *browser.caption]]


def test_an_empty_home_says_what_is_not_there_yet(app: SearchApp, visit: Visit) -> None:
    browser = visit("status")
    assert not browser.exception
    assert [one.label for one in browser.metric] == ["Embedded Milvus", "Vectors on disk", "Free on the disk"]
    assert "No job was started yet." in lines(browser)


def test_encoders_are_shown_with_fingerprint_and_jobs_with_their_log(loaded: SearchApp, visit: Visit) -> None:
    job = loaded.catalog.jobs.create("ingest", "docs", as_json(IngestRequest(("/gone",))))
    (loaded.jobs.folder(job.id) / "log").write_text("it broke <b>here</b>")
    loaded.catalog.jobs.finish(job.id, JobState.FAILED, message="There is no '/gone'.")
    browser = visit("status")
    (fluent,) = [one for one in loaded.catalog.encoders.list() if one.name == "fluent"]
    assert any(one.startswith(fluent.fingerprint[:12]) for one in lines(browser))
    assert "There is no '/gone'." in lines(browser)
    assert browser.code[0].value == "it broke <b>here</b>"


def test_each_kind_of_work_has_its_title_and_its_outcome_on_the_page_and_in_a_log(app: SearchApp) -> None:
    assert TEXTS.keys() == TELLERS.keys() == KINDS.keys()
    assert not [kind for kind in KINDS if job_title(app.catalog.jobs.create(kind, "docs", {})) == kind]


def test_mining_and_tuning_tell_what_came_of_them(app: SearchApp, visit: Visit) -> None:
    dense, hybrid = Approach(Mode.DENSE), Approach()
    outcomes = {
        "mine": MineOutcome("mined.jsonl", "suspects.jsonl", 1, 2, 3, 1),
        "tune": TuningOutcome("docs", 1, 40, hybrid, dense, dense, 0.0312, 0.01, True, ()),
    }
    for kind, outcome in outcomes.items():
        job = app.catalog.jobs.create(kind, "docs", {})
        app.catalog.jobs.finish(job.id, JobState.DONE, result=as_json(outcome))
    assert {
        "Wrote 2 examples of 1 query with 3 negatives to mined.jsonl. 1 likely answer that nobody judged stayed out; "
        "the page Judge asks about the most doubtful.",
        "The best way to search gains +0.0312 nDCG@10 on 40 judged queries, cross-validated. "
        "docs goes by it from now on.",
    } <= set(lines(visit("status")))


def test_a_trained_encoder_tells_what_it_learned_from_and_gives_its_report(
    app: SearchApp, visit: Visit, tmp_path: Path
) -> None:
    gain = {"figure": "hit@1", "before": 0.5, "after": 0.75, "low": 0.1, "high": 0.4}
    report = {"base": "fluent", "examples": 1, "seconds": 61.0, "gain": gain}
    app.catalog.encoders.add(EncoderRecord("f" * 64, "docs-1", str(tmp_path), 8, 16, report=report))
    assert "Trained from fluent on 1 example in 1 min 1 s · hit@1 0.50 → 0.75" in lines(visit("status"))
    (tmp_path / "report.html").write_text("<p>")
    assert [one.label for one in visit("status").get("download_button")] == ["Training report"]


@pytest.mark.parametrize(("byte_count", "shown"), [(0, "0.0 MB"), (12_345_678, "12.3 MB"), (4e9, "4.0 GB")])
def test_sizes_are_told_in_the_larger_unit_that_fits(byte_count: int, shown: str) -> None:
    assert size(byte_count) == shown
