"""What a person does from the first upload to going back, in a real browser, with a reload amid each long job."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search_app.app import SearchApp
from search_app.catalog.jobs import JobState
from search_app.catalog.judgements import NewJudgement, Split

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
JOB_SECONDS = 900  # of a machine that has much else to do
LEARNED = {"kitten": "cat", "hound": "dog", "loaf": "bread", "blaze": "bread", "drizzle": "rain", "ocean": "rain"}
ASKED = {"kitten kitten": "cat", "hound hound": "dog", "loaf blaze": "bread", "drizzle ocean": "rain"}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not os.environ.get("TWINSEARCH_BROWSER"), reason="the whole path runs in `make browser`"),
]


def says(page: Any, text: str) -> None:
    """Waits until the text stands on the page; tells what stands there instead."""
    from playwright.sync_api import TimeoutError as TookTooLong

    try:
        page.get_by_text(text).first.wait_for()
    except TookTooLong:
        state = page.locator('[data-testid="stApp"]').get_attribute("data-test-script-state")
        pytest.fail(f"{text!r} isn't on the page, which is {state}:\n{page.locator('.stMain').inner_text()}")


def press(page: Any, label: str) -> None:
    """Presses a button once the page is at rest: before that, it may be replaced under the hand."""
    page.wait_for_selector(IDLE)
    page.get_by_role("button", name=label, exact=True).first.click()


def press_key(page: Any, key: str) -> None:
    """The same for the button of this key."""
    page.wait_for_selector(IDLE)
    page.locator(f".st-key-{key} button").first.click()


def wait_for_job(app: SearchApp) -> None:
    """Waits until the newest job is done; a page is given its own time after that."""
    deadline = time.monotonic() + JOB_SECONDS
    while not (job := app.jobs.views()[0].job).state.is_end:
        assert time.monotonic() < deadline, app.job_log(job.id)
        time.sleep(0.2)
    assert job.state is JobState.DONE, f"{job.message}\n{app.job_log(job.id)}"


def judge(app: SearchApp, answers: dict[str, str], split: Split) -> None:
    new = [NewJudgement(query, f"docs/{name}.txt", 3, user="ann", split=split) for query, name in answers.items()]
    app.catalog.judgements.add_many(app.catalog.collections.get("docs").id, new)


def load(open_page: Callable[..., Any], app: SearchApp, files: list[Path]) -> None:
    page = open_page("/collections")
    page.locator('input[type="file"]').set_input_files(files)
    press(page, "Load")
    says(page, "Load into docs")
    page.reload()  # in the middle of the job
    wait_for_job(app)
    says(page, f"{len(files)} documents · {len(files)} chunks · 0 judgements")


def search_open_judge_and_undo(open_page: Callable[..., Any], app: SearchApp) -> None:
    page = open_page("/")
    page.get_by_label("Query").fill("kitten")
    page.get_by_label("Query").press("Enter")
    page.locator(".st-key-hit-1 h4").get_by_text("cat", exact=True).wait_for()
    press_key(page, "open-1")
    page.get_by_role("dialog").get_by_text("cat cat dog").first.wait_for()
    page.get_by_role("dialog").get_by_label("Close").click()
    press_key(page, "thumbs-1")
    says(page, "Noted: answers it")
    assert [one.grade for one in app.judgements()] == [2]
    press(page, "Undo")
    page.get_by_text("Noted: answers it").wait_for(state="detached")
    assert app.judgements() == ()


def train_and_reindex(open_page: Callable[..., Any], app: SearchApp) -> None:
    page = open_page("/learn")
    page.get_by_text("One step at a time").click()
    press(page, "Train")
    says(page, "Train docs-1")
    page.reload()
    wait_for_job(app)
    says(page, "Learned from 4 examples")  # two of the six ask what held-out queries ask
    page.wait_for_selector(IDLE)
    page.get_by_text("One step at a time").click()
    press(page, "Re-index")
    says(page, "The full build encodes")
    press_key(page, "reindex-start")
    says(page, "Re-index docs with docs-1")
    page.reload()
    wait_for_job(app)
    says(page, "Generation 2 is ready; it isn't live.")


def compare_switch_and_go_back(open_page: Callable[..., Any], app: SearchApp) -> None:
    page = open_page("/compare?query=kitten")
    says(page, "In common:")
    page = open_page("/learn")
    press_key(page, "compare-2")
    page.locator(".st-key-generation-2").get_by_text("against generation 1").first.wait_for()
    press_key(page, "switch-2")
    force = page.locator(".st-key-force-2 button")
    rollback = page.locator(".st-key-rollback button")
    force.or_(rollback).first.wait_for()
    if force.count():
        press_key(page, "force-2")
    rollback.first.wait_for()
    assert app.catalog.collections.live("docs").number == 2
    press_key(page, "rollback")
    page.locator(".st-key-generation-1").get_by_text("live", exact=True).wait_for()
    assert app.catalog.collections.live("docs").number == 1


def test_a_person_loads_searches_judges_trains_switches_and_goes_back(
    app: SearchApp, notes: Path, open_page: Callable[..., Any]
) -> None:
    load(open_page, app, sorted(notes.iterdir()))
    search_open_judge_and_undo(open_page, app)
    judge(app, LEARNED, Split.TRAIN)
    judge(app, ASKED, Split.HELDOUT)
    train_and_reindex(open_page, app)
    compare_switch_and_go_back(open_page, app)
    page = open_page("/?query=hound")
    page.locator(".st-key-hit-1 h4").get_by_text("dog", exact=True).wait_for()
    assert (page.foreign, page.broken) == ([], [])
