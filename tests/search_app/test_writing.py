"""A document counts as written when its vectors are read back and the catalogue says so, and not before."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
import pytest

from ingest.chunking import ChunkingSettings, chunk_document
from ingest.documents import Document
from ingest.progress import Progress
from ingest.sink import EncodedDocument, HeldDocument
from search_app.app import SearchApp
from search_app.catalog.generations import Generation
from search_app.errors import Cancelled, CollectionInUse, DamageFound, FingerprintMismatch
from search_app.locks import building, writing
from search_app.writing import GenerationWriter, encode_documents

CHUNKING = ChunkingSettings(16)


@pytest.fixture
def generation(app: SearchApp) -> Generation:
    app.catalog.collections.create("docs")
    return app.generations.begin_first("docs", app.encoders.choose("fluent"), CHUNKING)


@pytest.fixture
def writer(app: SearchApp, generation: Generation) -> GenerationWriter:
    return app.generations.writer(generation)


@pytest.fixture
def encoded(app: SearchApp) -> Callable[..., list[EncodedDocument]]:
    """Makes a batch out of texts by document id."""

    def encode(**texts: str) -> list[EncodedDocument]:
        encoder = app.encoders.load("fluent")
        made = [Document(name, "", text, name, f"/folder/{name}") for name, text in texts.items()]
        return encode_documents(encoder, [(one, chunk_document(one, CHUNKING, encoder.count_tokens)) for one in made])

    return encode


def chunk_ids(batch: list[EncodedDocument]) -> set[str]:
    return {chunk.id for one in batch for chunk in one.chunks}


def in_milvus(app: SearchApp, generation: Generation) -> set[str]:
    return {one for page in app.index.ids(generation.physical_name) for one in page}


def test_vectors_belong_to_the_chunks_of_their_document(
    app: SearchApp, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    batch = encoded(a="cat " * 30, b="dog")
    assert [len(one.chunks) for one in batch] == [len(one.vectors) for one in batch] == [3, 1]
    assert np.array_equal(batch[1].vectors, app.encoders.load("fluent").encode(["dog"]))


def test_what_was_written_is_held_with_its_hash(
    writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    batch = encoded(a="cat", b="dog")
    writer.write(batch)
    documents = [one.document for one in batch]
    assert writer.held(["a", "b", "c"]) == {one.id: HeldDocument(one.content_hash, one.origin) for one in documents}


def test_a_changed_document_leaves_no_old_vector(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    writer.write(encoded(a="cat " * 30, b="dog"))
    batch = encoded(a="cat sea")
    writer.write(batch)
    assert in_milvus(app, writer.generation) == chunk_ids(batch) | chunk_ids(encoded(b="dog"))


def test_writing_twice_is_writing_once(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    batch = encoded(a="cat", b="dog")
    writer.write(batch)
    writer.write(batch)
    assert in_milvus(app, writer.generation) == chunk_ids(batch)
    assert app.catalog.documents.chunk_count(writer.generation.id) == 2


def test_vectors_without_a_commit_are_not_held_and_are_written_again(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    batch = encoded(a="cat", b="dog")
    writer.hand_over(batch)  # and here the process is killed
    assert writer.held(["a", "b"]) == {}
    assert app.search("cat").hits == ()
    app.generations.writer(writer.generation).write(batch)
    assert in_milvus(app, writer.generation) == chunk_ids(batch)


def test_what_a_crash_left_after_the_commit_goes_with_the_next_write(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    old, new = encoded(a="cat"), encoded(a="sea")
    writer.write(old)
    writer.hand_over(new)
    app.catalog.documents.commit(writer.generation.id, [(one.document, one.chunks) for one in new])  # killed here
    assert in_milvus(app, writer.generation) == chunk_ids(old) | chunk_ids(new)
    assert [hit.text for hit in app.search("cat").hits] == ["sea"]
    writer.write(encoded(b="dog"))
    assert in_milvus(app, writer.generation) == chunk_ids(new) | chunk_ids(encoded(b="dog"))


def test_pruning_removes_what_lies_below_the_origins_and_is_not_kept(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    writer.write(encoded(a="cat", b="dog", c="sea"))
    assert writer.prune(["/elsewhere"], lambda *_: False) == 0
    assert writer.prune(["/folder"], lambda document_id, _: document_id == "b") == 2
    assert in_milvus(app, writer.generation) == chunk_ids(encoded(b="dog"))
    assert [one.id for one in app.catalog.documents.list(writer.generation.collection_id)] == ["b"]


def test_a_document_without_text_is_held_without_a_vector(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    writer.write(encoded(a=""))
    assert list(writer.held(["a"])) == ["a"]
    assert in_milvus(app, writer.generation) == set()


def test_a_collection_that_milvus_lost_is_damage_and_not_begun_anew(
    app: SearchApp, writer: GenerationWriter, encoded: Callable[..., list[EncodedDocument]]
) -> None:
    writer.write(encoded(a="cat"))
    lose(app, writer.generation)
    with pytest.raises(DamageFound) as refused:
        app.generations.writer(writer.generation)
    assert str(refused.value) == (
        f"Milvus has lost the collection '{writer.generation.physical_name}', of which the catalogue knows chunks. "
        "Run `twinsearch check --repair` to build it again from the catalogue."
    )


def test_a_collection_of_another_encoder_is_refused(app: SearchApp, generation: Generation) -> None:
    lose(app, generation)
    app.index.create(generation.physical_name, generation.dim, {"twinsearch.fingerprint": "e" * 64})
    with pytest.raises(FingerprintMismatch) as refused:
        app.generations.writer(generation)
    assert str(refused.value) == (
        f"The Milvus collection '{generation.physical_name}' says that it was filled by encoder eeeeeeeeeeee, the "
        f"catalogue says {generation.fingerprint[:12]}. Run `twinsearch check --repair` to build it again."
    )


def lose(app: SearchApp, generation: Generation) -> None:
    app.index.drop_alias(app.generations.alias("docs"))
    app.index.drop(generation.physical_name)


HOLD = (
    "import sys, pathlib, search_app.locks as w\n"
    "with w.writing(pathlib.Path(sys.argv[1]), 'docs'): print('held', flush=True); sys.stdin.read()"
)


def test_a_second_writer_is_told_which_process_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        started = datetime.fromtimestamp(psutil.Process(other.pid).create_time())
        with pytest.raises(CollectionInUse) as refused, writing(tmp_path, "docs"):
            pass
        with writing(tmp_path, "faq"), building(tmp_path, "docs"):
            pass
    assert str(refused.value) == (
        f"Collection 'docs' is being written to by process {other.pid}, started {started:%Y-%m-%d %H:%M:%S}. "
        "Wait until it ends, or stop that process."
    )
    assert refused.value.exit_code == 4


def test_whoever_waits_for_a_writer_is_told_how_long_and_can_stop(tmp_path: Path) -> None:
    told = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        raise Cancelled("Stopped.")

    with writing(tmp_path, "docs"), pytest.raises(Cancelled), writing(tmp_path, "docs", wait_seconds=600, report=stop):
        pass
    assert [(one.stage, one.total, one.unit) for one in told] == [("wait", 600, "seconds")]


def test_a_lock_ends_with_the_process_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
    with writing(tmp_path, "docs"), pytest.raises(CollectionInUse) as refused, writing(tmp_path, "docs"):
        pass
    assert f"is being written to by process {os.getpid()}, " in str(refused.value)


def test_a_name_that_leads_elsewhere_locks_inside_the_folder(tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    locks.mkdir()
    with writing(locks, "../../other/name"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]
