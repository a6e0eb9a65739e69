"""Long work is a row and a folder: whoever looks knows how far it is and how it ended, and it can go on."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ingest.progress import Progress, Report, unheard
from search_app.app import SearchApp
from search_app.catalog.jobs import Job, JobState
from search_app.cli import commands
from search_app.cli.outcomes import TEXTS
from search_app.errors import Cancelled, CatalogError, CollectionInUse, UnknownJob, UsageError
from search_app.jobs import JobProgress, as_json
from search_app.liveness import began, lives
from search_app.request_kinds import Request, kind_of, request_of
from search_app.requests import (
    CompareRequest,
    EvaluateRequest,
    IngestRequest,
    ReindexRequest,
    TrainRequest,
)

REQUEST = IngestRequest(("/folder",))


def queued(app: SearchApp) -> Job:
    return app.jobs.take_up("ingest", REQUEST)


def run(app: SearchApp, job: Job, work: Callable[[Report], object]) -> object:
    return app.jobs.run(job, work, listen=unheard)


def state_of(app: SearchApp, job: Job) -> tuple[str, str]:
    view = app.jobs.view(job.id)
    return view.job.state.value, view.job.message


def test_a_job_that_is_done_keeps_its_result_and_its_last_progress(app: SearchApp) -> None:
    def work(report: Report) -> dict[str, int]:
        report(Progress("ingest", 1, 4, "documents"))
        report(Progress("ingest", 4, 4, "documents"))
        return {"new": 4}

    job = queued(app)
    assert run(app, job, work) == {"new": 4}
    view = app.jobs.view(job.id)
    assert (view.job.state, view.job.result, view.job.pid) == (JobState.DONE, {"new": 4}, os.getpid())
    assert view.progress is not None
    assert (view.progress.stage, view.progress.done, view.progress.total, view.progress.unit) == (
        "ingest",
        4,
        4,
        "documents",
    )


def test_progress_can_be_read_while_the_work_goes_on(app: SearchApp) -> None:
    job, seen = queued(app), []

    def work(report: Report) -> None:
        report(Progress("encode", 0, None, "chunks"))
        with SearchApp.open(app.home.path) as other:
            seen.append(other.jobs.view(job.id))

    run(app, job, work)
    assert seen[0].job.state is JobState.RUNNING
    assert seen[0].progress == JobProgress("encode", 0, None, "chunks", None, None)


def test_progress_that_a_power_cut_emptied_is_no_progress(app: SearchApp) -> None:
    job = queued(app)
    for text in ("", "{}", "[1"):
        (app.jobs.folder(job.id) / "progress.json").write_text(text)
        assert app.jobs.view(job.id).progress is None


def test_an_error_is_written_down_with_its_sentence(app: SearchApp) -> None:
    job = queued(app)

    def work(report: Report) -> None:
        raise UsageError("The path is wrong.")

    with pytest.raises(UsageError):
        run(app, job, work)
    assert state_of(app, job) == ("failed", "The path is wrong.")


def test_a_fault_of_ours_does_not_leave_a_job_running(app: SearchApp) -> None:
    job = queued(app)
    with pytest.raises(ZeroDivisionError):
        run(app, job, lambda _: 1 / 0)
    assert state_of(app, job) == ("failed", "ZeroDivisionError: division by zero")


def test_progress_that_can_not_be_written_in_the_end_does_not_leave_a_job_running(app: SearchApp) -> None:
    job = queued(app)

    def work(report: Report) -> None:
        report(Progress("ingest", 4, 4, "documents"))
        shutil.rmtree(app.jobs.folder(job.id))

    with pytest.raises(FileNotFoundError):
        run(app, job, work)
    assert state_of(app, job)[0] == "failed"


def test_the_first_signal_stops_the_work_at_the_next_edge_of_a_batch(app: SearchApp) -> None:
    job, handler = queued(app), signal.getsignal(signal.SIGINT)

    def work(report: Report) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        report(Progress("ingest", 1200, 4000, "documents"))

    with pytest.raises(Cancelled):
        run(app, job, work)
    assert state_of(app, job) == (
        "cancelled",
        "Stopped after 1,200 documents (ingest). What is written stays; the same command goes on from there.",
    )
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_second_signal_stops_the_work_at_once(app: SearchApp) -> None:
    job = queued(app)

    def work(report: Report) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        run(app, job, work)
    assert state_of(app, job) == ("cancelled", "Stopped at once.")


def test_the_same_request_takes_up_a_job_that_was_stopped_and_no_other(app: SearchApp) -> None:
    stopped = queued(app)
    app.jobs.cancel(stopped.id)
    assert app.jobs.take_up("ingest", IngestRequest(("/other",))).id != stopped.id
    again = queued(app)
    assert (again.id, again.state, again.message) == (stopped.id, JobState.QUEUED, "")
    run(app, again, lambda _: {})
    assert queued(app).id != stopped.id


def test_the_job_that_was_stopped_is_taken_up_and_not_a_later_one_that_was_refused_beside_it(app: SearchApp) -> None:
    def refuse(report: Report) -> None:
        raise CollectionInUse("another does that")

    def work(report: Report) -> None:
        report(Progress("train", 5, 10, "steps"))
        with pytest.raises(CollectionInUse):
            run(app, queued(app), refuse)
        raise Cancelled("stopped")

    stopped = queued(app)
    with pytest.raises(Cancelled):
        run(app, stopped, work)
    assert queued(app).id == stopped.id


def test_a_job_that_was_stopped_is_taken_up_however_many_came_after_it(app: SearchApp) -> None:
    stopped = queued(app)
    app.jobs.cancel(stopped.id)
    for number in range(101):
        app.jobs.take_up("ingest", IngestRequest((f"/{number}",)))
    assert queued(app).id == stopped.id


def test_a_job_that_was_cancelled_before_it_began_is_not_run(app: SearchApp) -> None:
    job = queued(app)
    assert app.jobs.cancel(job.id).message == "Cancelled before it began."
    with pytest.raises(UsageError) as refused:
        run(app, job, lambda _: pytest.fail("it ran"))
    assert str(refused.value) == f"Job {job.id} is cancelled. `twinsearch jobs resume {job.id}` starts it again."


def test_only_a_job_that_was_stopped_or_failed_goes_on(app: SearchApp) -> None:
    job = queued(app)
    for state in ("queued", "done"):
        with pytest.raises(UsageError) as refused:
            app.jobs.again(job.id)
        sentence = f"Job {job.id} is {state}; only one that was stopped or failed can go on."
        assert str(refused.value) == sentence
        if state == "queued":
            run(app, job, lambda _: {})


def test_a_job_that_has_ended_can_not_be_cancelled(app: SearchApp) -> None:
    job = queued(app)
    run(app, job, lambda _: {})
    with pytest.raises(UsageError) as refused:
        app.jobs.cancel(job.id)
    assert str(refused.value) == f"Job {job.id} has ended already (done); there is nothing to cancel."


def test_a_job_does_not_run_twice_at_once(app: SearchApp) -> None:
    job = queued(app)

    def work(report: Report) -> None:
        with pytest.raises(CatalogError):
            run(app, job, lambda _: pytest.fail("it ran"))

    run(app, job, work)
    assert state_of(app, job) == ("done", "")


def test_a_job_whose_process_is_gone_was_interrupted(app: SearchApp) -> None:
    job = queued(app)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        app.catalog.jobs.start(job.id, ended.pid, began(ended.pid))
    sentence = f"Its process {ended.pid} ended without a word; `twinsearch jobs resume {job.id}` goes on."
    assert state_of(app, job) == ("interrupted", sentence)


def test_a_job_that_waits_for_a_process_that_is_gone_was_interrupted(app: SearchApp) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    job = queued(app)
    app.catalog.jobs.hand_over(job.id, process.pid, began(process.pid))
    process.wait()
    message = f"Its process {process.pid} ended without a word; `twinsearch jobs resume {job.id}` goes on."
    assert state_of(app, job) == ("interrupted", message)


def test_an_old_job_may_wait_to_begin_again(app: SearchApp) -> None:
    job = queued(app)
    app.jobs.cancel(job.id)
    with closing(sqlite3.connect(app.home.catalog_file)) as catalog, catalog:
        catalog.execute("UPDATE jobs SET created_at = created_at - 86400")
    again = app.jobs.again(job.id)
    assert state_of(app, again) == ("queued", "")
    assert run(app, again, lambda _: "done") == "done"


def test_another_process_with_the_same_number_is_not_the_jobs(app: SearchApp) -> None:
    job = queued(app)
    app.catalog.jobs.start(job.id, os.getpid(), began(os.getpid()) - 100)
    assert state_of(app, job)[0] == "interrupted"


def test_an_unknown_job_is_told(app: SearchApp) -> None:
    for ask in (app.jobs.view, app.jobs.cancel, app.jobs.log, app.jobs.again):
        with pytest.raises(UnknownJob):
            ask("none")


REQUESTS = [
    IngestRequest(("/a", "/b"), "faq", prune=True, encoder="fluent"),
    TrainRequest("faq-1", pairs="/pairs.csv", epochs=2),
    EvaluateRequest("/queries", "/qrels", generation=2, metrics=("AP", "P@5")),
    CompareRequest(("dense", "2:dense"), beir="/beir", chart="/chart.svg"),
    ReindexRequest("docs", "fluent", switch=True),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_comes_out_of_its_row_as_it_went_in(app: SearchApp, request_: Request) -> None:
    job = app.jobs.take_up(kind_of(request_), request_)
    assert request_of(job.kind, app.catalog.jobs.get(job.id).arguments) == request_


def test_work_that_this_version_does_not_know_is_refused() -> None:
    for kind, arguments in (("dream", {}), ("ingest", {"colour": "red"})):
        with pytest.raises(
            UsageError, match=rf"^This version can't run the '{kind}' job again \(.+\)\. Start it anew\.$"
        ):
            request_of(kind, arguments)


def test_records_become_plain_values(app: SearchApp) -> None:
    progress = Progress("encode", 1, None, "chunks", note="loss 0.3")
    assert as_json({"a": progress, "b": (Path("/x"), JobState.DONE)}) == {
        "a": {"stage": "encode", "done": 1, "total": None, "unit": "chunks", "note": "loss 0.3"},
        "b": ["/x", "done"],
    }


def wait_for(app: SearchApp, job: Job, is_reached: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + 600  # only against hanging
    while not is_reached(found := app.jobs.view(job.id).job):
        assert time.monotonic() < deadline, app.jobs.log(job.id)
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_a_job_in_its_own_process_is_cancelled_and_resumed(
    app: SearchApp, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINSEARCH_FLUSH_CHUNKS", "40")
    job = app.start(IngestRequest((str(corpus),)))
    wait_for(app, job, lambda _: app.catalog.collections.find("docs") is not None)
    wait_for(app, job, lambda found: found.state is JobState.RUNNING)
    app.jobs.cancel(job.id)
    stopped = wait_for(app, job, lambda found: found.state.is_end)
    assert stopped.state is JobState.CANCELLED
    assert stopped.pid != os.getpid()
    while lives(stopped.pid, stopped.pid_started):  # the row is written before the last line of the log
        time.sleep(0.05)
    assert app.jobs.log(job.id).strip().endswith(stopped.message)
    assert app.catalog.documents.count(1) < 1200

    monkeypatch.delenv("TWINSEARCH_FLUSH_CHUNKS")
    app.resume(job.id)
    assert wait_for(app, job, lambda found: found.state.is_end).state is JobState.DONE
    assert app.catalog.documents.count(1) == 1200
    assert [view.job.id for view in app.jobs.views()] == [job.id]


@pytest.mark.slow
def test_a_command_in_the_background_is_a_job_that_outlives_it(
    shared_home: Path, notes: Path, run_on: Callable[..., tuple[int, str, str]]
) -> None:
    run_on(shared_home, "ingest", notes)
    code, said, _ = run_on(shared_home, "reindex", "docs", "--encoder", "literal", "--background")
    with SearchApp.open(shared_home) as app:
        job = app.jobs.views()[0].job
        assert (code, said.startswith(f"Job {job.id} has begun. ")) == (0, True)
        ended = wait_for(app, job, lambda found: found.state.is_end)
        assert (ended.state, ended.pid != os.getpid()) == (JobState.DONE, True)
        assert app.generations.get("docs", 2).state.value == "ready"
        told = "Generation 2 of 'docs' is ready. `twinsearch switch docs 2` asks the gate."
        while lives(ended.pid, ended.pid_started):
            time.sleep(0.05)
        assert app.jobs.log(job.id).splitlines()[-2:] == [told, f"Job {job.id} is done."]


LONG = ["ingest", "train", "mine", "evaluate", "compare", "tune", "reindex", "learn", "arrange"]


@pytest.mark.parametrize("name", LONG)
def test_long_work_can_be_begun_in_the_background_and_its_log_tells_what_came_of_it(name: str) -> None:
    assert "in_background" in [one.name for one in commands.commands[name].params]
    assert name in TEXTS


def test_standard_input_is_not_read_in_the_background(
    shared_home: Path, run_on: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, told = run_on(shared_home, "ingest", "-", "--background")
    assert (code, "keep it in a file, or leave --background out" in told) == (2, True)


@pytest.mark.slow
def test_a_job_in_its_own_process_stands_back_behind_searches(home: Path, corpus: Path) -> None:
    with SearchApp.open(home, job_niceness=12) as app:
        started = app.jobs.view(app.start(IngestRequest((str(corpus),))).id).job
        session = Path(f"/proc/{started.pid}/autogroup")  # "/autogroup-7 nice 12"
        assert os.getpriority(os.PRIO_PROCESS, started.pid or 0) >= 12
        assert not session.exists() or session.read_text().split()[-1] == "12"
        app.jobs.cancel(started.id)
        while lives(started.pid, started.pid_started):
            time.sleep(0.05)
