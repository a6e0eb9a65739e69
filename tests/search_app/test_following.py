"""After a switch, whoever made it, others answer with the new generation, and what nobody needs is let go."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.progress import Report, unheard
from search_app.app import SearchApp
from search_app.errors import CollectionInUse, TwinsearchError
from search_app.index.vector_index import Found
from search_app.locks import building, learning, training
from search_app.requests import IngestRequest, LearnRequest, ReindexRequest, TrainRequest
from search_app.search import SearchOptions


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    """Four notes that fluent has read, and that are live."""
    app.ingest(IngestRequest((str(notes),)))
    return app


def switched(app: SearchApp, encoder: str) -> None:
    assert app.reindex(ReindexRequest("docs", encoder, switch=True, force=True)).is_live


def states(app: SearchApp) -> list[str]:
    return [one.state.value for one in app.generations.list("docs")]


def test_another_process_lets_go_of_the_old_encoder_with_its_next_query(filled: SearchApp) -> None:
    with SearchApp.open(filled.home.path) as page:
        assert page.search("kitten").encoder.name == "fluent"
        old = weakref.ref(page.encoders.load("fluent"))
        switched(filled, "literal")
        assert page.search("kitten").encoder.name == "literal"
        gc.collect()
        assert old() is None


class Interrupted(list[str]):
    """Queries; when they are encoded, after the live generation was read, something happens."""

    def __init__(self, queries: list[str], what: list[object]) -> None:
        super().__init__(queries)
        self._what = what
        self._times = 0

    def __iter__(self) -> Iterator[str]:
        self._times += 1
        if self._times == 2:  # the first time they are looked at, the second time encoded
            switch, app = self._what
            switch(app)  # type: ignore[operator]
        return super().__iter__()


def test_a_query_whose_generation_goes_while_it_is_asked_is_answered_by_the_next_one(filled: SearchApp) -> None:
    def replace(app: SearchApp) -> None:
        switched(app, "literal")
        app.drop_generation("docs", 1)

    queries = Interrupted(["cat"], [replace, filled])
    (answer,) = filled.searcher.search_batch(queries, "docs", SearchOptions(1))
    assert (answer.generation, answer.encoder.name) == (2, "literal")
    assert [hit.document_id for hit in answer.hits] == ["notes/cat.txt"]


def test_a_query_whose_generation_goes_before_its_texts_are_read_is_answered_by_the_next_one(
    filled: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = filled.index.search

    def search_and_lose(*arguments: Any, **options: Any) -> list[list[Found]]:
        found = search(*arguments, **options)
        monkeypatch.undo()
        switched(filled, "literal")
        filled.drop_generation("docs", 1)
        return found

    monkeypatch.setattr(filled.index, "search", search_and_lose)
    answer = filled.search("cat", k=1)
    assert (answer.generation, [hit.document_id for hit in answer.hits]) == (2, ["notes/cat.txt"])


def test_a_switch_lets_go_of_the_generation_before_the_last(filled: SearchApp) -> None:
    switched(filled, "literal")
    assert states(filled) == ["retired", "live"]
    switched(filled, "shuffled")
    assert states(filled) == ["dropped", "retired", "live"]


def test_an_ingest_lets_go_of_what_was_kept_for_the_soak_time(filled: SearchApp, notes: Path) -> None:
    switched(filled, "literal")
    with SearchApp.open(filled.home.path, soak_days=0) as later:
        with building(later.home.locks_folder, "docs"):
            later.ingest(IngestRequest((str(notes),)))
            assert states(later) == ["retired", "live"]
        later.ingest(IngestRequest((str(notes),)))
        assert states(later) == ["dropped", "live"]


def test_a_refusal_names_the_job_that_is_in_the_way(filled: SearchApp) -> None:
    job = filled.jobs.take_up("reindex", ReindexRequest("docs", "fluent"))

    def collide(report: Report) -> str:
        with building(filled.home.locks_folder, "docs"), pytest.raises(CollectionInUse) as refused:
            filled.run(ReindexRequest("docs", "literal"))
        return str(refused.value)

    told = filled.jobs.run(job, collide, listen=unheard)
    assert told.startswith("A generation of collection 'docs' is being built by process ")
    assert told.endswith(f"or stop it with `twinsearch jobs cancel {job.id}`. It runs job {job.id} (reindex).")
    assert [one.job.message for one in filled.jobs.views() if one.job.state.value == "failed"] == [told]


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (learning, "Collection 'docs' is being learned from by process "),
        (training, "Encoder 'docs' is being trained by process "),
    ],
)
def test_two_that_learn_the_same_exclude_each_other(filled: SearchApp, held: object, told: str) -> None:
    request = LearnRequest("docs") if held is learning else TrainRequest("docs")
    with held(filled.home.locks_folder, "docs"), pytest.raises(TwinsearchError) as refused:  # type: ignore[operator]
        filled.run(request)
    assert str(refused.value).startswith(told)
