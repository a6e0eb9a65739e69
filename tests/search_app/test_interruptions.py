"""`kill -9` in the middle loses nothing, leaves nothing twice, and the live generation answers all the while.

One real process ingests and one re-indexes, each is killed once and watched by this process on the same home.
"""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.generations import Generation
from search_app.catalog.jobs import Job
from search_app.cli import main
from search_app.requests import IngestRequest, ReindexRequest
from search_app.search import Hit

QUERY = "kitten ocean"
COUNT = 1200  # documents in the corpus


@dataclass(slots=True)
class Killed:
    """A run that was killed: what it had done, what was answered meanwhile, and what others were told."""

    process: int = 0
    done_count: int = 0
    answers: list[tuple[int, tuple[Hit, ...]]] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)


def run(home: Path, *arguments: str) -> tuple[int, str, str]:
    """A command in this process: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([*arguments, "--home", str(home)])
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue(), err.getvalue()


def kill_in_the_middle(home: Path, *arguments: str, is_time: Callable[[], bool]) -> int:
    """Starts a command as a process, kills it in the moment in which it is time, and gives its number."""
    command = [sys.executable, "-m", "search_app.cli", *arguments, "--home", str(home)]
    environment = {**os.environ, "TWINSEARCH_FLUSH_CHUNKS": "40"}  # many small steps
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as process:
        while not is_time():
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.03)
        process.kill()
    return process.pid


def live_of(app: SearchApp, collection: str = "docs") -> Generation:
    live = app.catalog.collections.live(collection)
    assert live is not None
    return live


def in_milvus(app: SearchApp, generation: Generation) -> list[str]:
    return sorted(one for page in app.index.ids(generation.physical_name) for one in page)


def hashes(app: SearchApp, collection: str) -> dict[str, str]:
    """The content hash of every document by its id."""
    collection_id = app.catalog.collections.get(collection).id
    return {one.id: one.content_hash for one in app.catalog.documents.list(collection_id, limit=2 * COUNT)}


@pytest.fixture(scope="module")
def home(new_home: Callable[[], AbstractContextManager[Path]]) -> Iterator[Path]:
    with new_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[SearchApp]:
    with SearchApp.open(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def killed_ingest(home: Path, app: SearchApp, corpus: Path) -> Killed:
    """An ingest that was killed when 200 documents were in."""
    seen = Killed()

    def is_time() -> bool:
        if app.catalog.collections.find("docs") is None or app.catalog.collections.live("docs") is None:
            return False
        if not seen.refusals:
            code, _, sentence = run(home, "ingest", str(corpus.parent))
            seen.refusals.append((code, sentence))
        answer = app.search(QUERY)
        seen.answers.append((answer.generation, answer.hits))
        return app.catalog.documents.count(1) >= 200

    seen.process = kill_in_the_middle(home, "ingest", str(corpus), is_time=is_time)
    seen.done_count = app.catalog.documents.count(1)
    seen.jobs = [view.job for view in app.jobs.views()]
    return seen


@pytest.mark.slow
def test_an_ingest_can_be_searched_while_it_runs(killed_ingest: Killed) -> None:
    assert 200 <= killed_ingest.done_count < COUNT
    assert {generation for generation, _ in killed_ingest.answers} == {1}
    assert len(killed_ingest.answers[-1][1]) == 10


def test_a_second_ingest_is_told_which_process_writes(killed_ingest: Killed) -> None:
    ((code, sentence),) = killed_ingest.refusals
    assert code == 4
    assert sentence.startswith(f"Collection 'docs' is being written to by process {killed_ingest.process}, started ")
    (job,) = [job for job in killed_ingest.jobs if job.pid == killed_ingest.process]
    assert sentence.endswith(
        f". Wait until it ends, or stop it with `twinsearch jobs cancel {job.id}`. It runs job {job.id} (ingest).\n"
    )


def test_a_killed_ingest_is_known_as_interrupted(killed_ingest: Killed) -> None:
    (job,) = [job for job in killed_ingest.jobs if job.pid == killed_ingest.process]
    assert (job.kind, job.state.value) == ("ingest", "interrupted")
    assert job.message == (
        f"Its process {killed_ingest.process} ended without a word; `twinsearch jobs resume {job.id}` goes on."
    )


@pytest.fixture(scope="module")
def resumed_ingest(home: Path, app: SearchApp, killed_ingest: Killed, corpus: Path) -> dict[str, int]:
    """The summary of the same command, started again."""
    code, out, _ = run(home, "ingest", str(corpus), "--json")
    assert code == 0
    summary: dict[str, int] = json.loads(out)
    return summary


def test_what_was_done_before_the_kill_is_not_done_again(
    app: SearchApp, killed_ingest: Killed, resumed_ingest: dict[str, int]
) -> None:
    assert resumed_ingest["unchanged"] >= killed_ingest.done_count
    assert resumed_ingest["new"] + resumed_ingest["unchanged"] == COUNT
    (job,) = [view.job for view in app.jobs.views() if view.job.state.value == "done"]
    assert job.id in {one.id for one in killed_ingest.jobs if one.pid == killed_ingest.process}


def test_a_killed_ingest_ends_as_an_undisturbed_one(
    app: SearchApp, resumed_ingest: dict[str, int], corpus: Path
) -> None:
    app.ingest(IngestRequest((str(corpus),), "calm"))
    assert hashes(app, "docs") == hashes(app, "calm")
    assert in_milvus(app, live_of(app)) == in_milvus(app, live_of(app, "calm"))
    assert app.check().remaining == ()


@pytest.fixture(scope="module")
def killed_reindex(home: Path, app: SearchApp, resumed_ingest: dict[str, int]) -> Killed:
    """A re-index that was killed when the first documents were in the new generation."""
    seen = Killed()

    def is_time() -> bool:
        answer = app.search(QUERY)
        seen.answers.append((answer.generation, answer.hits))
        others = app.generations.list("docs")[1:]
        seen.done_count = app.catalog.documents.chunk_count(others[0].id) if others else 0
        return seen.done_count > 0

    seen.process = kill_in_the_middle(home, "reindex", "docs", "--encoder", "literal", is_time=is_time)
    return seen


@pytest.mark.slow
def test_the_live_generation_answers_all_through_a_killed_reindex(app: SearchApp, killed_reindex: Killed) -> None:
    assert 0 < killed_reindex.done_count < app.catalog.documents.chunk_count(live_of(app).id)
    assert killed_reindex.answers == [(1, app.search(QUERY).hits)] * len(killed_reindex.answers)


def test_a_killed_reindex_is_taken_up_and_ends_as_an_undisturbed_one(
    home: Path, app: SearchApp, killed_reindex: Killed
) -> None:
    code, out, _ = run(home, "reindex", "docs", "--encoder", "literal", "--json")
    outcome = json.loads(out)["generation"]
    assert (code, outcome["number"], outcome["state"]) == (0, 2, "ready")
    undisturbed = app.reindex(ReindexRequest("docs", "literal")).generation
    assert undisturbed.number == 3
    held = [in_milvus(app, generation) for generation in app.generations.list("docs")]
    assert held == [in_milvus(app, undisturbed)] * 3
    assert app.check().remaining == ()
