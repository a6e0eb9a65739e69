"""A check finds where Milvus and the catalogue differ, and a repair brings Milvus back to what the catalogue says."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.commits import BuiltDocument
from search_app.catalog.generations import Generation
from search_app.checking import CheckReport, Finding
from search_app.errors import CatalogError, FingerprintMismatch
from search_app.requests import IngestRequest, ReindexRequest
from search_app.writing import encode_documents


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    return app


def live_of(app: SearchApp) -> Generation:
    live = app.catalog.collections.live("docs")
    assert live is not None
    return live


def lose_a_chunk(app: SearchApp) -> str:
    live = live_of(app)
    app.generations.delete(live, [next(app.catalog.documents.chunk_ids(live.id))])
    return "1 chunks of the catalogue are missing in Milvus"


def add_a_stray(app: SearchApp) -> str:
    row = app.encoders.load("fluent").encode(["cat"])
    app.index.upsert(live_of(app).physical_name, ["stray"], row, [{"document_id": "x", "metadata": {}}])
    return "1 chunks in Milvus are unknown to the catalogue"


def lose_the_collection(app: SearchApp) -> str:
    app.index.drop_alias(app.generations.alias("docs"))
    app.index.drop(live_of(app).physical_name)
    return f"Milvus has no collection '{live_of(app).physical_name}'"


def fill_by_another_encoder(app: SearchApp) -> str:
    live = live_of(app)
    lose_the_collection(app)
    app.index.create(live.physical_name, live.dim, {"twinsearch.fingerprint": "e" * 64})
    app.generations.point_alias("docs")
    return f"Milvus says it was filled by encoder eeeeeeeeeeee, the catalogue {live.fingerprint[:12]}"


def lose_the_alias(app: SearchApp) -> str:
    app.index.drop_alias(app.generations.alias("docs"))
    return f"the Milvus alias points to None instead of '{live_of(app).physical_name}'"


DAMAGES = [lose_a_chunk, add_a_stray, lose_the_collection, fill_by_another_encoder, lose_the_alias]


def test_an_undamaged_home_has_no_findings(filled: SearchApp) -> None:
    assert filled.check() == CheckReport((), ())
    assert filled.check(is_repairing=True) == CheckReport((), ())


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found_and_mended_without_loss(filled: SearchApp, damage: Callable[[SearchApp], str]) -> None:
    before = filled.search("kitten hound").hits
    finding = Finding("docs", 1, damage(filled))
    found = filled.check()
    assert found.mended == ()
    assert finding in found.remaining
    repaired = filled.check(is_repairing=True)
    assert (repaired.mended, repaired.remaining) == (found.remaining, ())
    assert filled.search("kitten hound").hits == before
    assert filled.check() == CheckReport((), ())


def swap_the_rows(app: SearchApp) -> None:
    """Two generations of the catalogue each name the other's Milvus collection."""
    first, second = live_of(app), app.reindex(ReindexRequest("docs", "literal")).generation
    named = ((first.id, "aside"), (second.id, first.physical_name), (first.id, second.physical_name))
    with app.catalog._store.writing() as connection:
        for number, name in named:
            connection.exec_driver_sql("UPDATE generations SET physical_name = ? WHERE id = ?", (name, number))


@pytest.mark.parametrize("damage", [fill_by_another_encoder, swap_the_rows])
def test_a_search_refuses_vectors_that_another_encoder_gave(
    filled: SearchApp, damage: Callable[[SearchApp], object]
) -> None:
    damage(filled)
    named = f"The Milvus collection '{live_of(filled).physical_name}' says that it was filled by encoder "
    for ask in (lambda: filled.search("kitten"), lambda: filled.similar("notes/cat.txt")):
        with pytest.raises(FingerprintMismatch) as refused:
            ask()
        assert str(refused.value).startswith(named)
    assert filled.check(is_repairing=True).remaining == ()
    assert filled.search("kitten", mode="dense").hits[0].document_id == "notes/cat.txt"


def half_built(app: SearchApp) -> Generation:
    """A generation of which two documents of four are there, and a chunk that isn't noted."""
    generation = app.generations.begin("docs", app.encoders.choose("literal"), live_of(app).chunking)
    pending = app.catalog.documents.pending(generation.id, 4)
    encoder = app.encoders.filling(generation, "docs")
    cut = [(one.document, one.chunks or ()) for one in pending[:3]]
    app.generations.writer(generation).hand_over(encode_documents(encoder, cut))
    made = [BuiltDocument(one.id, one.content_hash, tuple(chunks)) for one, chunks in cut[:2]]
    app.catalog.documents.commit_built(generation.id, made)
    return generation


def test_a_build_that_was_stopped_is_no_damage_and_is_not_ended_by_a_repair(filled: SearchApp) -> None:
    generation = half_built(filled)
    assert filled.check() == CheckReport((), ())
    filled.index.drop(generation.physical_name)
    finding = Finding("docs", 2, f"Milvus has no collection {generation.physical_name!r}")
    assert filled.check(is_repairing=True) == CheckReport((finding,), ())
    assert filled.catalog.documents.pending_count(generation.id) == 4
    assert filled.reindex(ReindexRequest("docs", "literal")).generation.number == 2


def test_a_document_that_the_live_generation_lacks_is_found_and_taken_in(filled: SearchApp) -> None:
    (first, *_) = filled.catalog.documents.chunk_ids(live_of(filled).id)
    filled.catalog.documents.uncommit(live_of(filled).id, [first])
    finding = Finding("docs", 1, "1 documents of the catalogue aren't in it yet")
    assert finding in filled.check().remaining
    assert finding in filled.check(is_repairing=True).mended
    assert filled.check() == CheckReport((), ())


def test_a_generation_without_its_encoder_stays_as_it_is(filled: SearchApp) -> None:
    lose_a_chunk(filled)
    shutil.rmtree(filled.encoders.folder("fluent"))
    with SearchApp.open(filled.home.path) as later:
        repaired = later.check(is_repairing=True)
    problems = [one.problem for one in repaired.remaining]
    assert repaired.mended == ()
    assert problems[0].startswith("No encoder 'fluent': ")
    assert problems[1:] == ["1 chunks of the catalogue are missing in Milvus"]


def test_documents_that_vanished_from_milvus_are_searched_again_after_a_repair(filled: SearchApp) -> None:
    lose_the_collection(filled)
    filled.check(is_repairing=True)
    assert filled.search("loaf", k=1).hits[0].document_id == "notes/bread.txt"
    assert filled.index.alias_target(filled.generations.alias("docs")) == live_of(filled).physical_name


def lose_a_word(app: SearchApp) -> str:
    with app.catalog._store.writing() as connection:
        name = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE name GLOB 'words_*_[0-9a-f]*'").scalar()
        row = (
            "SELECT c.pk, d.title, '', c.text, 'delete' FROM chunks c JOIN documents d ON d.pk = c.document_pk LIMIT 1"
        )
        connection.exec_driver_sql(f"INSERT INTO {name}(rowid, title, headings, text, {name}) {row}")
    return "the word index lacks 1 chunks and has 0 too many"


def spoil_a_vector(app: SearchApp) -> str:
    live = live_of(app)
    (id_, *_) = app.catalog.documents.chunk_ids(live.id)
    row = {"id": id_, "vector": [float("nan")] * live.dim, "fields": {}}
    app.index._connection.write("spoil", lambda client: client.upsert(live.physical_name, [row]))
    return "1 vectors in Milvus are not finite or not of length 1"


@pytest.mark.parametrize("damage", [lose_a_word, spoil_a_vector])
def test_damage_within_an_index_is_found_and_mended(filled: SearchApp, damage: Callable[[SearchApp], str]) -> None:
    before = [filled.search("kitten hound", mode=mode).hits for mode in ("dense", "lexical", "hybrid")]
    finding = Finding("docs", 1, damage(filled))
    assert filled.check() == CheckReport((), (finding,))
    assert filled.check(is_repairing=True) == CheckReport((finding,), ())
    assert [filled.search("kitten hound", mode=mode).hits for mode in ("dense", "lexical", "hybrid")] == before


def test_a_collection_that_cannot_be_opened_is_built_anew(home: Path, notes: Path) -> None:
    with SearchApp.open(home) as app:
        app.ingest(IngestRequest((str(notes),)))
        before = app.search("kitten hound").hits
        collection = app.engine.folder / "data" / "collections" / live_of(app).physical_name
        app.engine.stop()
        (segment,) = collection.rglob("data/*.parquet")
        rows = bytearray(segment.read_bytes())
        rows[100:200] = bytes(100)  # within the rows; the file's end, which tells what it holds, is whole
        segment.write_bytes(rows)
        (problem,) = [one.problem for one in app.check().remaining]
        assert problem.startswith("its vectors can't be read: Milvus at ")
        assert app.check(is_repairing=True).remaining == ()
        assert app.search("kitten hound").hits == before


def test_weights_that_changed_on_disk_are_found(filled: SearchApp, encoders: Path) -> None:
    filled.search("kitten")  # the encoder is in memory, as it was
    shutil.copy(encoders / "shuffled" / "model.safetensors", filled.encoders.folder("fluent"))
    (problem,) = [one.problem for one in filled.check().remaining]
    assert problem.startswith("Generation 1 of collection 'docs' was filled by encoder ")


def test_a_damaged_catalogue_is_told_at_once(filled: SearchApp) -> None:
    with closing(sqlite3.connect(filled.home.catalog_file)) as file, file:  # without the foreign keys' guard
        file.execute("INSERT INTO deletions (generation_id, chunk_id) VALUES (99, 'x')")
    with pytest.raises(CatalogError, match="is damaged \\(a row of deletions belongs to nothing\\)"):
        filled.check()
