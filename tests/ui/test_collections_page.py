import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.jobs import Job, JobState
from search_app.jobs import Jobs, as_json
from search_app.requests import IngestRequest
from ui.components.jobs import pace_text

Visit = Callable[..., AppTest]


def lines(browser: AppTest) -> list[str]:
    """All that reads Markdown on the page, without its signs."""
    shown = [*browser.markdown, *browser.caption, *browser.error]
    return [one.value.replace("\\", "").replace("\u2060", "") for one in shown]


def eventually(browser: AppTest, line: str, seconds: float = 600) -> bool:
    """Whether the line stands on the page at last, polled as the browser polls it."""
    deadline = time.monotonic() + seconds
    while line not in lines(browser) and time.monotonic() < deadline:
        time.sleep(0.2)
        browser.run()
    return line in lines(browser)


@pytest.fixture
def running(app: SearchApp) -> Iterator[Job]:
    """A job that says how far it is and whose process waits to be stopped."""
    job = app.catalog.jobs.create("ingest", "docs", as_json(IngestRequest(("/notes",))))
    listens = (
        f"import signal, time; signal.signal({signal.SIGINT:d}, signal.SIG_DFL); print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", listens], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # even where a background shell had it ignore Ctrl-C, it ends by it now
        app.catalog.jobs.start(job.id, process.pid, psutil.Process(process.pid).create_time())
        told = '{"stage": "encode", "done": 512, "total": 4000, "unit": "chunks", "rate": 88.2, "eta_seconds": 39.5}'
        (app.jobs.folder(job.id) / "progress.json").write_text(told)
        yield job
        process.kill()


def test_an_empty_home_offers_the_form_and_nothing_else(visit: Visit) -> None:
    browser = visit("collections")
    assert not browser.exception
    assert browser.title[0].value == "Collections"
    assert browser.selectbox("load-collection").value == "docs"
    assert "There is no collection yet. Load a folder or a few files, and the first one is made." in lines(browser)


@pytest.mark.slow
def test_a_collection_is_shown_with_its_counts_and_its_live_generation(loaded: SearchApp, visit: Visit) -> None:
    loaded.judge("cat", "notes/cat.txt", 2)
    shown = lines(visit("collections"))
    assert "#### docs" in shown
    assert "4 documents · 4 chunks · 1 judgement" in shown
    assert "Generation 1 is live, filled by fluent" in shown


@pytest.mark.slow
def test_uploads_are_loaded_by_a_job_that_the_page_follows_to_its_end(app: SearchApp, visit: Visit) -> None:
    browser = visit("collections")
    browser.file_uploader("load-files").upload("cat.txt", b"cat cat dog", "text/plain")
    browser.file_uploader("load-files").upload("../bad.txt", b"\xff\xfe\x00", "text/plain")
    browser.button("load").click().run()
    assert not browser.exception
    assert eventually(browser, "**Load into docs**")
    assert eventually(browser, "#### docs")
    assert eventually(browser, "1 document · 1 chunk · 0 judgements")
    while not (view := app.jobs.views()[0]).job.state.is_end:  # committed is the document before the job is done
        time.sleep(0.2)
    assert view.job.state is JobState.DONE
    assert view.job.result is not None
    assert view.job.result["new"] == 1


def test_a_folder_is_loaded_by_its_path(
    app: SearchApp, visit: Visit, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "spawn", lambda *_, **__: None)  # a job's own process is tried with uploads
    browser = visit("collections")
    browser.segmented_control("load-way").set_value("Folder or file on this machine").run()
    browser.text_input("load-path").set_value(f" {notes} ")
    browser.button("load").click().run()
    (view,) = app.jobs.views()
    assert view.job.arguments["paths"] == [str(notes)]
    app.run_job(view.job)
    assert "4 documents · 4 chunks · 0 judgements" in lines(browser.run())


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/nowhere/at all", "There is no file or folder '/nowhere/at all'. Check the path."),
        (
            "~nobody-at-all/x",
            f"There is no file or folder {str(Path('~nobody-at-all/x').absolute())!r}. Check the path.",
        ),
        (f"/{'x' * 300}", f"There is no file or folder '/{'x' * 300}'. Check the path."),
        (" ", "No path was given. Type the path of a folder or file on the machine that runs Twinsearch."),
    ],
)
def test_a_path_that_is_not_there_starts_no_job(app: SearchApp, visit: Visit, path: str, sentence: str) -> None:
    browser = visit("collections")
    browser.segmented_control("load-way").set_value("Folder or file on this machine").run()
    browser.text_input("load-path").set_value(path)
    browser.button("load").click().run()
    assert [one.value.replace("\\", "") for one in browser.error] == [sentence]
    assert app.jobs.views() == []


def test_loading_without_a_file_says_so(app: SearchApp, visit: Visit) -> None:
    browser = visit("collections")
    browser.button("load").click().run()
    assert browser.error[0].value.replace("\\", "") == "Nothing was chosen. Drop a file into the box, or paste a table."
    assert app.jobs.views() == []


def test_a_pasted_table_shows_what_its_columns_serve_as_and_another_choice_counts(
    app: SearchApp, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "spawn", lambda *_, **__: None)  # what a mapping does is tried in test_app
    browser = visit("collections")
    browser.segmented_control("load-way").set_value("Paste a table").run()
    browser.text_area("pasted").set_value("name\tstory\tbody\tyear\nCats\tcat cat\tdog\t2024\n").run()
    assert not browser.exception
    (name,) = [one.key.removeprefix("column-text-") for one in browser.selectbox if "column-text" in str(one.key)]
    assert name.endswith(".tsv")
    assert [browser.selectbox(f"column-{role}-{name}").value for role in ("text", "title", "id")] == [
        "body",
        "name",
        "–",
    ]
    assert "Kept as metadata, to filter by: story, year" in lines(browser)
    browser.selectbox(f"column-text-{name}").set_value("story").run()
    assert "Kept as metadata, to filter by: body, year" in lines(browser)
    browser.button("load").click().run()
    (view,) = app.jobs.views()
    asked = view.job.arguments
    assert (asked["text_column"], asked["title_column"], asked["id_column"]) == ("story", None, None)
    (kept,) = Path(asked["paths"][0]).glob("pasted-*.tsv")
    assert kept.read_text() == "name\tstory\tbody\tyear\nCats\tcat cat\tdog\t2024\n"


def test_an_example_can_be_filled_in(visit: Visit) -> None:
    browser = visit("collections")
    browser.segmented_control("load-way").set_value("Paste a table").run()
    next(one for one in browser.button if one.label == "Fill in an example").click().run()
    assert not browser.exception
    assert "Kept as metadata, to filter by: topic" in lines(browser)


def test_a_running_job_shows_how_far_it_is_after_a_reload_too(running: Job, visit: Visit) -> None:
    for _ in range(2):
        bar = visit("collections").get("progress")[0]
        assert bar.text.replace("\\", "") == "encode · 512 of 4,000 chunks · 88.2 a second · 40 s to go"
        assert bar.value == 12


def test_stop_ends_the_jobs_process_and_the_page_offers_to_go_on(running: Job, visit: Visit) -> None:
    browser = visit("collections")
    browser.button(f"stop-{running.id}").click().run()
    assert eventually(browser, ":orange-badge[interrupted]")
    assert f"resume-{running.id}" in [one.key for one in browser.button]


def test_what_failed_is_listed_with_its_reason(app: SearchApp, visit: Visit, notes: Path) -> None:
    (notes / "bad.docx").write_bytes(b"PK\x03\x04 no package")
    app.run(IngestRequest((str(notes),)))
    browser = visit("collections")
    assert browser.expander[1].label == "1 failed"
    (failed,) = [one for one in lines(browser) if one.startswith("**notes/bad.docx**")]
    assert "is damaged" in failed
    assert "Download" in [one.label for one in browser.get("download_button")]


def test_a_failed_job_shows_its_sentence(app: SearchApp, visit: Visit) -> None:
    job = app.catalog.jobs.create("ingest", "docs", as_json(IngestRequest(("/gone",))))
    app.catalog.jobs.start(job.id, os.getpid(), psutil.Process().create_time())
    app.catalog.jobs.finish(job.id, JobState.FAILED, message="There is no file or folder '/gone'. Check the path.")
    shown = lines(visit("collections"))
    assert "There is no file or folder '/gone'. Check the path." in shown


def test_dropping_a_collection_takes_it_off_the_page(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("collections")
    browser.button("drop-docs").click().run()
    assert not browser.exception
    assert "#### docs" not in lines(browser)
    assert loaded.catalog.collections.list() == ()


def test_slow_work_is_told_by_the_seconds_that_each_part_takes() -> None:
    assert [pace_text(rate) for rate in (88.21, 1, 0.08, 0)] == [
        "88.2 a second",
        "1.0 a second",
        "12.5 s each",
        "0.0 a second",
    ]
