"""A generation is kept for the soak time or until the next switch; what nobody knows is dropped, and only that."""

from dataclasses import replace

import pytest

from ingest.chunking import ChunkingSettings
from search_app.app import SearchApp
from search_app.catalog.generations import Generation, GenerationState
from search_app.errors import CollectionInUse
from search_app.locks import building
from search_app.marks import HOME_PROPERTY
from search_app.reclaiming import due

DAY = 86_400.0
NOW = 1_700_000_000.0
FIRST = Generation(
    id=1,
    collection_id=1,
    number=1,
    physical_name="twin_docs_1_0",
    fingerprint="f" * 64,
    encoder_name="plain",
    precision="fp32",
    dim=4,
    chunking=ChunkingSettings(16),
    chunking_key="k",
    state=GenerationState.RETIRED,
    created_at=NOW - 90 * DAY,
    ready_at=NOW - 90 * DAY,
    live_at=NOW - 90 * DAY,
    retired_at=NOW - 2 * DAY,
    dropped_at=None,
    evaluation=None,
)


def test_the_way_back_is_kept_for_the_soak_time() -> None:
    assert due([FIRST], FIRST, 7, now=NOW) == ()
    assert due([FIRST], FIRST, 1, now=NOW) == (FIRST,)


def test_the_next_switch_ends_the_soak_of_the_one_before() -> None:
    second = replace(FIRST, id=2, number=2, retired_at=NOW - DAY)
    assert due([FIRST, second], second, 7, now=NOW) == (FIRST,)


def test_what_was_never_live_is_kept_for_the_soak_time_too() -> None:
    ready = replace(FIRST, state=GenerationState.READY, retired_at=None, ready_at=NOW - 8 * DAY)
    building_since = replace(ready, state=GenerationState.BUILDING, ready_at=None, created_at=NOW - 6 * DAY)
    assert due([ready, building_since], None, 7, now=NOW) == (ready,)


def test_the_live_one_is_never_due() -> None:
    assert due([replace(FIRST, state=GenerationState.LIVE, retired_at=None)], None, 0, now=NOW) == ()


def test_vectors_of_this_home_that_no_generation_has_are_dropped_and_no_others(noted: SearchApp) -> None:
    before = set(noted.index.names())
    noted.index.create("twin_docs_9_lost", 4, {HOME_PROPERTY: noted.catalog.home_id})
    noted.index.create("twin_docs_9_foreign", 4, {HOME_PROPERTY: "another"})
    try:
        found = noted.reclaim("docs")
        assert (found.numbers, found.orphans) == ((), ("twin_docs_9_lost",))
        assert set(noted.index.names()) == {*before, "twin_docs_9_foreign"}
    finally:
        noted.index.drop("twin_docs_9_foreign")


def test_a_generation_that_begins_meanwhile_is_not_unknown(noted: SearchApp, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = noted.index.names

    def begin_and_list() -> list[str]:
        if noted.catalog.collections.find("faq") is None:
            noted.catalog.collections.create("faq")
            noted.generations.begin_first("faq", noted.encoders.choose("fluent"), ChunkingSettings(16))
        return listed()

    monkeypatch.setattr(noted.index, "names", begin_and_list)
    assert noted.reclaim("docs").orphans == ()
    monkeypatch.undo()
    noted.drop_collection("faq")


def test_nothing_is_reclaimed_beside_a_build(noted: SearchApp) -> None:
    with building(noted.home.locks_folder, "docs"), pytest.raises(CollectionInUse):
        noted.reclaim("docs")


def test_each_generation_tells_what_it_holds_and_how_it_went_live(noted: SearchApp) -> None:
    (only,) = noted.generation_status("docs")
    assert only.switch is not None
    assert (only.generation.number, only.chunk_count, only.switch.way.value, only.gate) == (1, 4, "first", "-")
    assert only.disk_bytes is not None
    assert only.disk_bytes > 0
