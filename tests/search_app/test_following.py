"""After a switch, whoever made it, others answer with the new generation, and what nobody needs is let go."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.progress import Report, unheard
from search_app.app import SearchApp
from search_app.errors import CollectionInUse, TwinsearchError
from search_app.index.vector_index import Found
from search_app.locks import building, learning, training
from search_app.requests import IngestRequest, LearnRequest, ReindexRequest, TrainRequest
from search_app.search import SearchResult


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


def losing_its_generation(app: SearchApp, monkeypatch: pytest.MonkeyPatch, *, is_after: bool) -> None:
    """Lets the generation of the next search vanish: after Milvus has answered, or before it is asked."""
    search = app.index.search

    def search_and_lose(*arguments: Any, **options: Any) -> list[list[Found]]:
        found = search(*arguments, **options) if is_after else []
        monkeypatch.undo()
        switched(app, "literal")
        app.drop_generation("docs", 1)
        return found or search(*arguments, **options)

    monkeypatch.setattr(app.index, "search", search_and_lose)


def test_a_query_whose_generation_goes_before_its_texts_are_read_is_answered_by_the_next_one(
    filled: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing_its_generation(filled, monkeypatch, is_after=True)
    answer = filled.search("cat", k=1)
    assert (answer.generation, [hit.document_id for hit in answer.hits]) == (2, ["notes/cat.txt"])


@pytest.mark.parametrize(
    ("ask", "nearest"),
    [
        (lambda app, _: app.search("cat"), "notes/cat.txt"),
        (lambda app, _: app.search_combined("cat + cat"), "notes/cat.txt"),
        (lambda app, _: app.similar("notes/cat.txt"), "notes/dog.txt"),
        (lambda app, notes: app.search_like_file(notes / "cat.txt"), "notes/cat.txt"),
    ],
    ids=["search", "combined", "similar", "like-file"],
)
def test_whatever_is_asked_of_a_generation_that_goes_meanwhile_is_answered_by_the_next_one(
    filled: SearchApp,
    notes: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[SearchApp, Path], SearchResult],
    nearest: str,
) -> None:
    losing_its_generation(filled, monkeypatch, is_after=False)
    answer = ask(filled, notes)
    assert (answer.generation, answer.encoder.name, answer.hits[0].document_id) == (2, "literal", nearest)


def test_rankings_of_a_generation_that_goes_meanwhile_are_those_of_the_next_one(
    filled: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing_its_generation(filled, monkeypatch, is_after=False)
    found = filled.searcher.rankings(["cat"], "docs", 4)
    assert (found.generation, found.owners[found.dense[0][0].chunk_id]) == (2, "notes/cat.txt")


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
        with building(filled.home.locks_folder, "docs"):
            with pytest.raises(CollectionInUse) as refused:
                filled.run(ReindexRequest("docs", "literal"))
            with pytest.raises(CollectionInUse, match=f"It runs job {job.id}"):
                filled.reclaim("docs")  # which is no job itself
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
