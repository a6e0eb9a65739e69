"""A generation is built from the catalogue's text, verified, switched to in one step, and dropped for good."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.chunking import ChunkingSettings
from ingest.progress import Progress, unheard
from search_app.app import SearchApp
from search_app.catalog.generations import Generation, GenerationState
from search_app.errors import Cancelled, IndexFailure, MilvusUnreachable, UnknownGeneration, UsageError
from search_app.requests import IngestRequest

CHUNKING = ChunkingSettings(16)


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    return app


def begun(app: SearchApp, encoder: str = "literal") -> Generation:
    choice = app.encoders.choose(encoder)
    return app.generations.begin("docs", choice, replace(CHUNKING, tokenizer=choice.tokenizer_key))


def built(app: SearchApp, encoder: str = "literal") -> Generation:
    generation = begun(app, encoder)
    app.generations.build(generation, app.encoders.filling(generation, "docs"), report=unheard)
    return generation


def in_milvus(app: SearchApp, generation: Generation) -> set[str]:
    return {one for page in app.index.ids(generation.physical_name) for one in page}


def states(app: SearchApp) -> list[str]:
    return [one.state.value for one in app.generations.list("docs")]


def test_the_first_generation_is_live_before_anything_is_in_it(app: SearchApp) -> None:
    app.catalog.collections.create("docs")
    generation = app.generations.begin_first("docs", app.encoders.choose("fluent"), CHUNKING)
    assert app.catalog.collections.live("docs") == generation
    assert app.index.alias_target(app.generations.alias("docs")) == generation.physical_name
    assert app.search("cat").hits == ()


def test_a_build_takes_the_chunks_that_the_catalogue_has(filled: SearchApp) -> None:
    live = filled.catalog.collections.live("docs")
    assert live is not None
    generation = built(filled)
    assert in_milvus(filled, generation) == in_milvus(filled, live)
    assert generation.physical_name != live.physical_name


def test_a_build_with_shorter_chunks_cuts_the_text_anew(app: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("cat " * 30)
    app.ingest(IngestRequest((str(path),), whole=True))
    generation = built(app)
    assert app.catalog.documents.chunk_count(1) == 1
    assert len(in_milvus(app, generation)) == app.catalog.documents.chunk_count(generation.id) == 3


def test_a_build_tells_its_progress_and_goes_on_where_it_was_stopped(
    filled: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled.generations, "_step_chunks", 2)
    generation, heard = begun(filled), []

    def stop(progress: Progress) -> None:
        heard.append((progress.done, progress.total))
        if progress.done == 2:
            raise Cancelled("enough")

    encoder = filled.encoders.filling(generation, "docs")
    with pytest.raises(Cancelled):
        filled.generations.build(generation, encoder, report=stop)
    filled.generations.build(generation, encoder, report=lambda one: heard.append((one.done, one.total)))
    assert heard == [(0, 4), (2, 4), (0, 2), (2, 2)]
    assert filled.generations.difference(generation) == (set(), set())


def test_a_half_built_generation_is_taken_up_by_the_same_encoder_only(filled: SearchApp) -> None:
    generation = begun(filled)
    assert begun(filled) == generation
    assert begun(filled, "shuffled").number == generation.number + 1
    filled.generations.verify(built(filled))
    assert begun(filled).number == generation.number + 2


def test_what_changed_and_vanished_meanwhile_is_caught_up_with(filled: SearchApp, notes: Path) -> None:
    generation = built(filled)
    (notes / "cat.txt").write_text("sea")
    (notes / "dog.txt").unlink()
    (notes / "new.txt").write_text("king")
    filled.ingest(IngestRequest((str(notes),), prune=True))
    filled.generations.build(generation, filled.encoders.filling(generation, "docs"), report=unheard)
    live = filled.catalog.collections.live("docs")
    assert live is not None
    assert in_milvus(filled, generation) == in_milvus(filled, live)


def test_a_complete_build_is_ready(filled: SearchApp) -> None:
    assert filled.generations.verify(built(filled)).state.value == "ready"
    assert states(filled) == ["live", "ready"]


def test_vectors_that_the_catalogue_does_not_know_are_gone_after_verifying(filled: SearchApp) -> None:
    generation = built(filled)
    row = filled.encoders.load("literal").encode(["cat"])
    filled.index.upsert(generation.physical_name, ["stray"], row, [{"document_id": "x", "metadata": {}}])
    filled.generations.verify(generation)
    assert filled.generations.difference(generation) == (set(), set())


def test_a_build_that_lost_chunks_is_not_ready(filled: SearchApp) -> None:
    generation = built(filled)
    filled.generations.delete(generation, [sorted(in_milvus(filled, generation))[0]])
    with pytest.raises(IndexFailure) as refused:
        filled.generations.verify(generation)
    assert str(refused.value) == (
        "Generation 2 isn't complete: 1 chunks are missing in Milvus. "
        "Run `twinsearch check --repair`, then the same command again."
    )
    assert states(filled) == ["live", "building"]


def test_a_switch_moves_the_row_and_the_alias(filled: SearchApp) -> None:
    generation = filled.generations.verify(built(filled))
    live = filled.generations.make_live("docs", generation.number)
    assert filled.catalog.collections.live("docs") == live
    assert filled.index.alias_target(filled.generations.alias("docs")) == generation.physical_name
    assert states(filled) == ["retired", "live"]


def test_an_alias_that_could_not_follow_a_switch_does_so_when_something_is_written(
    filled: SearchApp, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = filled.generations.verify(built(filled))

    def refuse(*_: str) -> None:
        raise MilvusUnreachable("No Milvus answers.")

    with monkeypatch.context() as gone:
        gone.setattr(filled.index, "point_alias", refuse)
        assert filled.generations.make_live("docs", generation.number).state is GenerationState.LIVE
    alias = filled.generations.alias("docs")
    assert filled.index.alias_target(alias) != generation.physical_name
    (notes / "more.txt").write_text("king")
    filled.ingest(IngestRequest((str(notes),)))
    assert filled.index.alias_target(alias) == generation.physical_name


def test_the_way_back_leads_to_the_generation_before(filled: SearchApp) -> None:
    with pytest.raises(UnknownGeneration) as refused:
        filled.generations.previous("docs")
    assert str(refused.value) == (
        "Collection 'docs' has no earlier generation to go back to. A rollback needs a switch before it, and that the "
        "generation before it isn't dropped."
    )
    filled.generations.make_live("docs", filled.generations.verify(built(filled)).number)
    assert filled.generations.previous("docs").number == 1


def test_a_live_generation_is_not_dropped(filled: SearchApp) -> None:
    with pytest.raises(UsageError) as refused:
        filled.generations.drop("docs", 1)
    assert str(refused.value) == (
        "Generation 1 of collection 'docs' is live. Switch to another one first, or drop the whole collection "
        "with `twinsearch collections drop docs`."
    )
    assert filled.search("kitten").hits[0].document_id == "notes/cat.txt"


def test_a_dropped_generation_is_gone_from_milvus_and_its_number_is_not_used_again(filled: SearchApp) -> None:
    generation = built(filled)
    filled.generations.drop("docs", generation.number)
    assert not filled.index.exists(generation.physical_name)
    assert states(filled) == ["live", "dropped"]
    assert [one.number for one in filled.generations.kept("docs")] == [1]
    assert begun(filled).number == 3


def test_a_generation_to_which_a_crash_left_the_alias_can_be_dropped(filled: SearchApp) -> None:
    generation = filled.generations.verify(built(filled))
    filled.catalog.generations.make_live(generation.id)  # and here the process was killed
    filled.generations.drop("docs", 1)
    assert states(filled) == ["dropped", "live"]
    assert filled.index.alias_target(filled.generations.alias("docs")) == generation.physical_name


def test_dropping_a_collection_leaves_nothing_of_it(filled: SearchApp) -> None:
    built(filled)
    names = [one.physical_name for one in filled.generations.list("docs")]
    alias = filled.generations.alias("docs")
    (filled.home.reports_folder / names[1]).mkdir(parents=True)
    filled.drop_collection("docs")
    assert list(filled.home.reports_folder.iterdir()) == []
    assert filled.catalog.collections.list() == ()
    assert [filled.index.exists(name) for name in names] == [False, False]
    assert filled.index.alias_target(alias) is None
