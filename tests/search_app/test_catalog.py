import multiprocessing
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from ingest.chunking import Chunk, ChunkingSettings
from ingest.documents import Document
from search_app.catalog import Catalog
from search_app.catalog.collections import Collection
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation, GenerationState
from search_app.catalog.jobs import JobState
from search_app.catalog.switches import SwitchNote, SwitchWay
from search_app.catalog.tables import SCHEMA
from search_app.errors import (
    CatalogError,
    UnknownCollection,
    UnknownEncoder,
    UnknownGeneration,
    UnknownJob,
    UsageError,
)

ENCODER = EncoderRecord(fingerprint="f" * 64, name="plain", folder="/encoders/plain", dim=384, max_tokens=256)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    catalog = Catalog(path)
    yield catalog
    catalog.close()


@pytest.fixture
def docs(catalog: Catalog) -> Collection:
    return catalog.collections.create("docs", {"max_tokens": 256})


def build(catalog: Catalog, collection: Collection) -> Generation:
    chunking = ChunkingSettings(max_tokens=256)
    return catalog.generations.create(collection.id, encoder=ENCODER, precision="fp32", chunking=chunking)


def build_ready(catalog: Catalog, collection: Collection) -> Generation:
    return catalog.generations.mark_ready(build(catalog, collection).id)


# The file


def test_the_home_id_stays_when_the_catalogue_is_opened_again(catalog: Catalog, path: Path) -> None:
    again = Catalog(path)
    assert again.home_id == catalog.home_id
    assert len(bytes.fromhex(again.home_id)) == 4
    again.close()


def test_only_its_owner_can_read_the_catalogue(catalog: Catalog, path: Path) -> None:
    catalog.collections.create("docs")
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_what_is_acknowledged_is_on_the_disk(catalog: Catalog) -> None:
    with catalog._store.reading() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        answers = [connection.execute(text(f"PRAGMA {pragma}")).scalar() for pragma in pragmas]
    assert answers == ["wal", 2, 1, 30000]


def test_a_catalogue_of_a_newer_twinsearch_is_refused(catalog: Catalog, path: Path) -> None:
    file = sqlite3.connect(path)
    file.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    file.commit()
    file.close()
    with pytest.raises(CatalogError) as refused:
        Catalog(path)
    assert str(refused.value) == (
        f"{path} was written by a newer Twinsearch (schema 99, this one knows 3). Update Twinsearch."
    )


def test_a_catalogue_without_a_word_index_gets_one(catalog: Catalog, docs: Collection, path: Path) -> None:
    generation = build(catalog, docs)
    kept = Document("a", "Title", "copying files", "a", "/a")
    chunk = Chunk("c" * 32, "a", 0, 0, 13, "copying files", ("First “heading”", "Second"), None, 2)
    catalog.documents.commit(generation.id, [(kept, [chunk])])
    catalog.close()
    file = sqlite3.connect(path)
    file.execute(f"DROP TABLE words_{docs.id}_{generation.chunking_key}")
    file.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    file.commit()
    file.close()
    for _ in range(2):  # the second time there is nothing left to do
        again = Catalog(path)
        for word in ("title", "heading", "second", "copy"):
            assert [found.id for found in again.words.search(generation, word, limit=5)] == ["c" * 32]
        again.close()


def test_a_file_that_is_no_catalogue_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"my diary " * 500)
    with pytest.raises(CatalogError) as refused:
        Catalog(path)
    assert str(refused.value) == (f"{path} is not a catalogue. Move the file away, or put a backup in its place.")
    assert path.read_bytes() == b"my diary " * 500


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "catalog.sqlite"
    with pytest.raises(CatalogError) as refused:
        Catalog(path)
    assert str(refused.value) == f"{path} can't be opened: No such file or directory."


def test_a_damaged_catalogue_is_said(catalog: Catalog, path: Path) -> None:
    for number in range(50):
        catalog.collections.create(f"collection {number}", {"padding": "x" * 500})
    catalog.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"is damaged \(.+\)\. Put a backup in its place\.$"):
        Catalog(path).collections.list()


def test_a_full_disk_is_said_and_changes_nothing(catalog: Catalog, docs: Collection, path: Path) -> None:
    with catalog._store.reading() as connection:  # the pool gives this connection to the write that follows
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(CatalogError) as refused:
        catalog.collections.change_settings("docs", {"padding": "x" * 100_000})
    assert str(refused.value) == (f"The disk is full, so nothing was written to {path}. Free some space and try again.")
    assert catalog.collections.get("docs") == docs


def test_the_schema_is_plain_sql_for_postgresql() -> None:
    dialect = postgresql.dialect()
    made = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in SCHEMA.sorted_tables)
    assert made.count("BIGSERIAL") == 7  # collections, generations, switches, documents, chunks, judgements, reviews
    assert "ROWID" not in made
    assert "AUTOINCREMENT" not in made


def test_an_address_of_an_unknown_database_is_refused() -> None:
    with pytest.raises(CatalogError, match=r"^nosuch://host/db names a database that isn't known"):
        Catalog("nosuch://host/db")


def test_half_a_surrogate_pair_is_refused_with_a_sentence(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"can't hold the character '\\udc80'"):
        catalog.encoders.find("\udc80")


def _open_and_create(path: Path, name: str) -> None:
    catalog = Catalog(path)
    catalog.collections.create(name)
    catalog.close()


def test_processes_that_open_a_home_at_once_make_one_catalogue(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    openers = [spawn.Process(target=_open_and_create, args=(path, name)) for name in ("a", "b", "c")]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(60)
    assert [opener.exitcode for opener in openers] == [0, 0, 0]
    catalog = Catalog(path)
    assert [collection.name for collection in catalog.collections.list()] == ["a", "b", "c"]
    catalog.close()


# Collections


def test_a_collection_is_found_by_its_name(catalog: Catalog, docs: Collection) -> None:
    assert catalog.collections.get("docs") == docs
    assert (docs.settings, docs.live_generation_id) == ({"max_tokens": 256}, None)
    assert catalog.collections.find("faq") is None


def test_an_unknown_collection_names_the_known_ones(catalog: Catalog) -> None:
    with pytest.raises(UnknownCollection) as empty:
        catalog.collections.get("faq")
    assert str(empty.value) == ("There is no collection 'faq'. There are none yet; `twinsearch ingest` makes one.")
    catalog.collections.create("docs")
    with pytest.raises(UnknownCollection) as unknown:
        catalog.collections.live("faq")
    assert str(unknown.value) == "There is no collection 'faq'. There are: 'docs'."


@pytest.mark.parametrize("name", ["", "-docs", "a/b", "a\nb", "x" * 65])
def test_a_name_that_cannot_travel_is_refused(catalog: Catalog, name: str) -> None:
    with pytest.raises(UsageError, match=r"can't name a collection\. Use 1 to 64 letters"):
        catalog.collections.create(name)


def test_names_that_milvus_would_confuse_are_refused(catalog: Catalog) -> None:
    catalog.collections.create("my docs")
    with pytest.raises(CatalogError, match=r"^There is a collection 'my docs' already\. Choose"):
        catalog.collections.create("my docs")
    with pytest.raises(CatalogError, match=r"^'My-Docs' is too much like the collection 'my docs'"):
        catalog.collections.create("My-Docs")


def test_the_alias_is_plain_and_belongs_to_the_home(catalog: Catalog) -> None:
    collection = catalog.collections.create("Žluťoučký kůň")
    assert catalog.alias(collection) == f"twin_zlutoucky_kun_{catalog.home_id}"


def test_changed_settings_replace_the_former_ones(catalog: Catalog, docs: Collection) -> None:
    assert catalog.collections.change_settings("docs", {"fusion": 0.5}).settings == {"fusion": 0.5}
    assert catalog.collections.get("docs").settings == {"fusion": 0.5}
    with pytest.raises(UnknownCollection):
        catalog.collections.change_settings("faq", {})


# Generations


def test_a_generation_remembers_what_it_was_built_with(catalog: Catalog, docs: Collection) -> None:
    generation = build(catalog, docs)
    assert generation == catalog.generations.get(docs.id, 1)
    assert (generation.fingerprint, generation.precision, generation.dim) == ("f" * 64, "fp32", 384)
    assert generation.chunking == ChunkingSettings(max_tokens=256)
    assert generation.chunking_key == generation.chunking.key
    assert generation.state is GenerationState.BUILDING


def test_physical_names_are_never_used_twice(catalog: Catalog, docs: Collection) -> None:
    first = build(catalog, docs)
    catalog.generations.mark_dropped(first.id)
    catalog.collections.delete("docs")
    second = build(catalog, catalog.collections.create("docs"))
    assert (first.number, second.number) == (1, 1)
    assert first.physical_name.startswith("twin_docs_1_")
    assert first.physical_name != second.physical_name


def test_the_switch_retires_the_generation_that_was_live(catalog: Catalog, docs: Collection) -> None:
    first, second = build_ready(catalog, docs), build_ready(catalog, docs)
    assert catalog.generations.make_live(first.id) is None
    retired = catalog.generations.make_live(second.id)
    assert retired is not None
    assert (retired.number, retired.state) == (1, GenerationState.RETIRED)
    assert catalog.collections.live("docs") == catalog.generations.get(docs.id, 2)
    assert [each.state.value for each in catalog.generations.list(docs.id)] == ["retired", "live"]


def test_a_rollback_goes_to_the_generation_retired_last(catalog: Catalog, docs: Collection) -> None:
    ids = [build_ready(catalog, docs).id for _ in range(3)]
    assert catalog.generations.previous(docs.id) is None
    for generation_id in ids:
        catalog.generations.make_live(generation_id)
    previous = catalog.generations.previous(docs.id)
    assert previous is not None
    assert previous.number == 2
    catalog.generations.make_live(previous.id)
    back = catalog.generations.previous(docs.id)
    assert back is not None
    assert back.number == 3


def test_a_generation_that_is_still_building_cannot_go_live(catalog: Catalog, docs: Collection) -> None:
    live = build_ready(catalog, docs)
    catalog.generations.make_live(live.id)
    with pytest.raises(CatalogError) as refused:
        catalog.generations.make_live(build(catalog, docs).id)
    assert str(refused.value) == (
        "Generation 2 is building, so it can't become live: it would have to be ready or retired."
    )
    assert catalog.collections.live("docs") == catalog.generations.get(docs.id, 1)


def test_the_live_generation_cannot_be_dropped(catalog: Catalog, docs: Collection) -> None:
    live = build_ready(catalog, docs)
    catalog.generations.make_live(live.id)
    with pytest.raises(CatalogError, match=r"^Generation 1 is live, so it can't become dropped"):
        catalog.generations.mark_dropped(live.id)


def test_a_drop_that_was_interrupted_can_be_noted_again(catalog: Catalog, docs: Collection) -> None:
    generation = build(catalog, docs)
    catalog.generations.mark_dropped(generation.id)
    assert catalog.generations.mark_dropped(generation.id).state is GenerationState.DROPPED


def test_a_collection_without_a_live_generation_answers_with_none(catalog: Catalog, docs: Collection) -> None:
    build_ready(catalog, docs)
    assert catalog.collections.live("docs") is None


def test_an_evaluation_stays_with_its_generation(catalog: Catalog, docs: Collection) -> None:
    generation = build(catalog, docs)
    catalog.generations.record_evaluation(generation.id, {"ndcg@10": 0.6})
    assert catalog.generations.get(docs.id, 1).evaluation == {"ndcg@10": 0.6}


def test_every_switch_is_written_down_with_its_terms(catalog: Catalog, docs: Collection) -> None:
    for note in (SwitchNote(SwitchWay.FIRST), SwitchNote(SwitchWay.NON_INFERIOR, "ann", 0.01)):
        catalog.generations.make_live(build_ready(catalog, docs).id, note)
    first, second = catalog.switches.list(docs.id)
    assert (first.former_number, first.number, first.way) == (None, 1, SwitchWay.FIRST)
    assert (second.former_number, second.number, second.way, second.margin, second.user) == (
        1,
        2,
        SwitchWay.NON_INFERIOR,
        0.01,
        "ann",
    )
    assert first.created_at <= second.created_at


def test_an_unknown_generation_names_the_known_ones(catalog: Catalog, docs: Collection) -> None:
    build(catalog, docs)
    with pytest.raises(UnknownGeneration, match=r"^The collection has no generation 7\. It has: 1\.$"):
        catalog.generations.get(docs.id, 7)
    with pytest.raises(UnknownGeneration, match=r"^There is no generation with id 99\."):
        catalog.generations.make_live(99)


# Encoders


def test_an_encoder_is_found_by_its_name(catalog: Catalog) -> None:
    catalog.encoders.add(ENCODER)
    assert catalog.encoders.get("plain") == ENCODER
    assert catalog.encoders.list() == (ENCODER,)


def test_a_name_never_changes_its_fingerprint(catalog: Catalog) -> None:
    catalog.encoders.add(ENCODER)
    other = EncoderRecord(fingerprint="0" * 64, name="plain", folder="/x", dim=384, max_tokens=256)
    with pytest.raises(CatalogError) as refused:
        catalog.encoders.add(other)
    assert str(refused.value) == (
        "'plain' stands for encoder ffffffffffff, not for 000000000000. Give the new encoder another name."
    )
    assert catalog.encoders.get("plain") == ENCODER


def test_a_removed_encoder_is_unknown(catalog: Catalog) -> None:
    catalog.encoders.add(ENCODER)
    catalog.encoders.remove("plain")
    with pytest.raises(UnknownEncoder, match=r"^There is no encoder 'plain' .+ It knows: none yet\.$"):
        catalog.encoders.get("plain")


# Jobs


def test_a_job_is_queued_then_runs_then_ends(catalog: Catalog) -> None:
    job = catalog.jobs.create("ingest", "docs", {"paths": ["/a"]})
    assert (job.state, job.pid, job.arguments) == (JobState.QUEUED, None, {"paths": ["/a"]})
    assert catalog.jobs.start(job.id, 42, 1000.5).state is JobState.RUNNING
    assert catalog.jobs.finish(job.id, JobState.DONE, message="3 new", result={"new": 3})
    done = catalog.jobs.get(job.id)
    assert (done.state, done.pid, done.pid_started) == (JobState.DONE, 42, 1000.5)
    assert (done.message, done.result) == ("3 new", {"new": 3})
    assert done.finished_at is not None


def test_how_a_job_ended_is_noted_once(catalog: Catalog) -> None:
    job = catalog.jobs.create("train", "docs", {})
    catalog.jobs.start(job.id, 42, 1.0)
    assert catalog.jobs.finish(job.id, JobState.DONE)
    assert not catalog.jobs.finish(job.id, JobState.INTERRUPTED, message="the process is gone")
    assert (catalog.jobs.get(job.id).state, catalog.jobs.get(job.id).message) == (JobState.DONE, "")


def test_an_interrupted_job_is_resumed_and_a_running_one_is_not_started_twice(catalog: Catalog) -> None:
    job = catalog.jobs.create("train", None, {})
    catalog.jobs.start(job.id, 42, 1.0)
    with pytest.raises(CatalogError, match=r"can't be started: it is running\. Ask for a new one\.$"):
        catalog.jobs.start(job.id, 43, 2.0)
    catalog.jobs.finish(job.id, JobState.INTERRUPTED)
    resumed = catalog.jobs.start(job.id, 43, 2.0)
    assert (resumed.state, resumed.pid, resumed.finished_at) == (JobState.RUNNING, 43, None)


def test_running_is_no_way_to_end(catalog: Catalog) -> None:
    job = catalog.jobs.create("train", None, {})
    with pytest.raises(CatalogError, match=r"^A job can't end as running\."):
        catalog.jobs.finish(job.id, JobState.RUNNING)


def test_jobs_are_listed_newest_first_until_they_are_forgotten(catalog: Catalog) -> None:
    jobs = [catalog.jobs.create("ingest", "docs", {"n": n}) for n in range(3)]
    assert [job.id for job in catalog.jobs.list(2)] == [jobs[2].id, jobs[1].id]
    catalog.jobs.delete(jobs[2].id)
    with pytest.raises(UnknownJob, match=r"`twinsearch jobs list` shows those that there are\.$"):
        catalog.jobs.get(jobs[2].id)


def test_names_without_ascii_letters_stand_side_by_side(catalog: Catalog) -> None:
    slugs = [catalog.collections.create(name).slug for name in ("日本", "中国", "Straße", "Strasse")]
    assert len(set(slugs)) == 4
    assert all(slug.isascii() for slug in slugs)
