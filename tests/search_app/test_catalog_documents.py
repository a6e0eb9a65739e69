import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from ingest.chunking import Chunk, ChunkingSettings
from ingest.documents import Document, Section
from search_app.catalog import Catalog
from search_app.catalog.collections import Collection
from search_app.catalog.commits import BuiltDocument
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation
from search_app.catalog.passages import pending
from search_app.catalog.tables import documents
from search_app.errors import CatalogError, UnknownDocument

ENCODER = EncoderRecord(fingerprint="f" * 64, name="plain", folder="/encoders/plain", dim=384, max_tokens=256)
BY_LINE = ChunkingSettings(max_tokens=256)
BY_WORD = ChunkingSettings(max_tokens=128)
_SEPARATORS = {BY_LINE.key: "\n", BY_WORD.key: " "}


def document(name: str, content: str, **changes: object) -> Document:
    values = {"title": name.title(), "source": name, "origin": f"/files/{name}"} | changes
    return Document(id=name, text=content, **values)  # type: ignore[arg-type]


def cut(doc: Document, settings: ChunkingSettings = BY_LINE) -> tuple[Chunk, ...]:
    """A chunk a line, or a word: what chunks are in the catalogue can be read off the text."""
    chunks: list[Chunk] = []
    start = 0
    for ordinal, part in enumerate(doc.text.split(_SEPARATORS[settings.key]) if doc.text else ()):
        named = f"{doc.id} {settings.key} {ordinal} {part}".encode()
        chunk_id = hashlib.sha256(named).hexdigest()[:32]
        chunks.append(Chunk(chunk_id, doc.id, ordinal, start, start + len(part), part, ("Top",), 2, 1))
        start += len(part) + 1
    return tuple(chunks)


def ids(*docs: Document) -> set[str]:
    return {chunk.id for doc in docs for chunk in cut(doc)}


def ids_below(catalog: Catalog, generation: Generation, *paths: str) -> set[str]:
    return {document_id for document_id, _ in catalog.documents.below(generation.collection_id, paths)}


def items(*docs: Document) -> Sequence[tuple[Document, Sequence[Chunk]]]:
    return [(doc, cut(doc)) for doc in docs]


def built(*docs: Document, settings: ChunkingSettings = BY_LINE) -> Sequence[BuiltDocument]:
    return [BuiltDocument(doc.id, doc.content_hash, cut(doc, settings)) for doc in docs]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    yield catalog
    catalog.close()


@pytest.fixture
def docs(catalog: Catalog) -> Collection:
    return catalog.collections.create("docs")


def build(catalog: Catalog, collection: Collection, chunking: ChunkingSettings = BY_LINE) -> Generation:
    return catalog.generations.create(collection.id, encoder=ENCODER, precision="fp32", chunking=chunking)


@pytest.fixture
def live(catalog: Catalog, docs: Collection) -> Generation:
    generation = catalog.generations.mark_ready(build(catalog, docs).id)
    catalog.generations.make_live(generation.id)
    return generation


ONE = document("one", "alpha\nbeta\ngamma")
ONE_CHANGED = document("one", "alpha\ndelta")
TWO = document("two", "omega")


# What is committed


def test_a_committed_document_comes_back_whole(catalog: Catalog, live: Generation) -> None:
    sections = (Section(0, ("Top",), 1), Section(6, ("Top", "Deep")))
    whole = document("one", "alpha\nbeta", metadata={"year": 2020, "draft": False, "by": None}, sections=sections)
    catalog.documents.commit(live.id, items(whole))
    assert catalog.documents.get(live.collection_id, "one") == whole
    assert catalog.documents.held(live.id, ["one", "two"]) == {"one": whole.content_hash}


def test_a_passage_tells_what_a_person_is_shown(catalog: Catalog, live: Generation) -> None:
    named = document("one", "alpha\nbeta", metadata={"year": 2020})
    catalog.documents.commit(live.id, items(named))
    beta = cut(named)[1]
    found = catalog.documents.passages(live, [beta.id, "unknown"])
    assert list(found) == [beta.id]
    passage = found[beta.id]
    assert passage.chunk == beta
    assert (passage.title, passage.source, passage.metadata) == ("One", "one", {"year": 2020})


def test_writing_twice_is_writing_once(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    catalog.documents.commit(live.id, items(ONE, TWO))
    assert catalog.documents.count(live.collection_id) == 2
    assert list(catalog.documents.chunk_ids(live.id)) == sorted(ids(ONE, TWO))
    assert catalog.documents.chunk_count(live.id) == 4
    assert catalog.documents.deletions(live.id, 10) == ()


def test_a_changed_document_leaves_its_old_chunks_to_be_deleted(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    catalog.documents.commit(live.id, items(ONE_CHANGED))
    assert set(catalog.documents.deletions(live.id, 10)) == ids(ONE) - ids(ONE_CHANGED)
    assert set(catalog.documents.chunk_ids(live.id)) == ids(ONE_CHANGED, TWO)
    assert set(catalog.documents.passages(live, sorted(ids(ONE)))) == ids(ONE) & ids(ONE_CHANGED)


def test_a_chunk_that_comes_back_is_not_deleted(catalog: Catalog, live: Generation) -> None:
    for doc in (ONE, ONE_CHANGED, ONE):
        catalog.documents.commit(live.id, items(doc))
    assert set(catalog.documents.deletions(live.id, 10)) == ids(ONE_CHANGED) - ids(ONE)


def test_of_two_documents_with_one_id_the_last_counts(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, ONE_CHANGED))
    assert catalog.documents.get(live.collection_id, "one") == ONE_CHANGED
    assert set(catalog.documents.chunk_ids(live.id)) == ids(ONE_CHANGED)
    assert set(catalog.documents.deletions(live.id, 10)) == ids(ONE) - ids(ONE_CHANGED)


def test_collections_do_not_see_each_others_documents(catalog: Catalog, live: Generation) -> None:
    faq = build(catalog, catalog.collections.create("faq"))
    catalog.documents.commit(live.id, items(ONE))
    catalog.documents.commit(faq.id, items(ONE, TWO))
    catalog.documents.remove(live.collection_id, ["one"])
    assert catalog.documents.count(live.collection_id) == 0
    assert list(catalog.documents.passages(live, sorted(ids(ONE)))) == []
    assert set(catalog.documents.passages(faq, sorted(ids(ONE)))) == ids(ONE)
    assert catalog.documents.deletions(faq.id, 10) == ()


def test_forgotten_deletions_are_gone_and_the_others_stay(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    catalog.documents.remove(live.collection_id, ["one", "two"])
    catalog.documents.forget_deletions(live.id, sorted(ids(ONE)))
    assert set(catalog.documents.deletions(live.id, 10)) == ids(TWO)


def test_a_removed_document_is_unknown_and_its_vectors_are_known(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    assert catalog.documents.remove(live.collection_id, ["one", "never there"]) == 1
    assert set(catalog.documents.deletions(live.id, 10)) == ids(ONE)
    with pytest.raises(UnknownDocument, match=r"^The collection holds no document 'one'\."):
        catalog.documents.get(live.collection_id, "one")


def test_metadata_fields_are_noted_with_their_types(catalog: Catalog, live: Generation) -> None:
    first = document("one", "alpha", metadata={"year": 2020, "draft": False, "by": None})
    second = document("two", "beta", metadata={"year": "unknown", "score": 0.5})
    catalog.documents.commit(live.id, items(first, second))
    expected = {"year": {"int", "str"}, "draft": {"bool"}, "score": {"float"}}
    assert catalog.documents.fields(live.collection_id) == expected


def test_documents_are_listed_in_pages_in_the_order_of_arrival(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(TWO, ONE))
    catalog.documents.commit(live.id, items(document("two", "changed")))
    assert [doc.id for doc in catalog.documents.list(live.collection_id)] == ["two", "one"]
    assert [doc.id for doc in catalog.documents.list(live.collection_id, offset=1, limit=1)] == ["one"]


def test_every_passage_is_streamed_in_order(catalog: Catalog, live: Generation) -> None:
    many = [document(f"d{n:04}", f"a{n}\nb{n}") for n in range(1203)]  # more than a page of documents
    catalog.documents.commit(live.id, items(*many))
    streamed = [passage.chunk for passage in catalog.documents.all_passages(live)]
    assert streamed == [chunk for doc in many for chunk in cut(doc)]
    assert list(catalog.documents.chunk_ids(live.id)) == sorted(chunk.id for chunk in streamed)


def test_the_passages_of_a_document_come_in_the_order_of_its_text(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    found = catalog.documents.passages_of(live, ["one", "never there"])
    assert {name: [passage.chunk for passage in own] for name, own in found.items()} == {"one": list(cut(ONE))}


def test_only_what_was_read_below_a_path_is_below_it(catalog: Catalog, live: Generation) -> None:
    origins = ["/a/b", "/a/b/c.txt", "/a/b_c.txt", "/a/bXc.txt", "/a/%", "/a/%/d", "/other", "/A/B/c.txt"]
    catalog.documents.commit(live.id, items(*(document(origin, "x", origin=origin) for origin in origins)))
    below = {root: ids_below(catalog, live, root) for root in ("/a/b", "/a/b_c", "/a/%", "/")}
    assert below == {
        "/a/b": {"/a/b", "/a/b/c.txt"},
        "/a/b_c": set(),
        "/a/%": {"/a/%", "/a/%/d"},
        "/": set(origins),
    }
    assert ids_below(catalog, live, "/other", "/a/b/") == {"/other", "/a/b", "/a/b/c.txt"}
    assert list(catalog.documents.below(live.collection_id, [])) == []


# Building another generation


def test_a_new_generation_has_everything_to_take_in(catalog: Catalog, docs: Collection, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    alike, other = build(catalog, docs), build(catalog, docs, BY_WORD)
    assert [(item.document, item.chunks) for item in catalog.documents.pending(alike.id, 10)] == [
        (ONE, cut(ONE)),
        (TWO, cut(TWO)),
    ]
    assert [item.chunks for item in catalog.documents.pending(other.id, 10)] == [None, None]
    assert (catalog.documents.pending_count(alike.id), catalog.documents.pending_count(live.id)) == (2, 0)


def test_pending_reads_on_from_where_it_was(catalog: Catalog, docs: Collection, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    generation = build(catalog, docs)
    (first,) = catalog.documents.pending(generation.id, 1)
    (second,) = catalog.documents.pending(generation.id, 1, after=first.pk)
    assert [first.document.id, second.document.id] == ["one", "two"]
    assert catalog.documents.pending(generation.id, 1, after=second.pk) == ()


def test_documents_to_build_are_given_until_they_have_so_much_text(
    catalog: Catalog, docs: Collection, live: Generation
) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    other = build(catalog, docs, BY_WORD)
    for characters, expected in ((1, [ONE]), (len(ONE.text), [ONE]), (len(ONE.text) + 1, [ONE, TWO])):
        found = catalog.documents.pending(other.id, 10, characters=characters)
        assert [item.document for item in found] == expected


def test_a_built_document_is_held_beside_the_live_one(catalog: Catalog, docs: Collection, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE))
    other = build(catalog, docs, BY_WORD)
    assert catalog.documents.commit_built(other.id, built(ONE, settings=BY_WORD)) == 1
    assert set(catalog.documents.chunk_ids(other.id)) == {chunk.id for chunk in cut(ONE, BY_WORD)}
    assert set(catalog.documents.chunk_ids(live.id)) == ids(ONE)
    assert catalog.documents.pending_count(other.id) == 0


def test_a_document_that_changed_while_it_was_built_stays_pending(
    catalog: Catalog, docs: Collection, live: Generation
) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    other = build(catalog, docs)
    catalog.documents.commit(live.id, items(ONE_CHANGED))
    catalog.documents.remove(docs.id, ["two"])
    assert catalog.documents.commit_built(other.id, built(ONE, TWO)) == 0
    assert set(catalog.documents.deletions(other.id, 10)) == ids(ONE, TWO)
    assert [item.document for item in catalog.documents.pending(other.id, 10)] == [ONE_CHANGED]


def test_a_change_in_one_generation_is_pending_in_every_other(
    catalog: Catalog, docs: Collection, live: Generation
) -> None:
    catalog.documents.commit(live.id, items(ONE))
    alike, other = build(catalog, docs), build(catalog, docs, BY_WORD)
    catalog.documents.commit_built(alike.id, built(ONE))
    catalog.documents.commit_built(other.id, built(ONE, settings=BY_WORD))
    catalog.documents.commit(live.id, items(ONE_CHANGED))
    assert set(catalog.documents.deletions(alike.id, 10)) == ids(ONE)
    assert set(catalog.documents.deletions(other.id, 10)) == {chunk.id for chunk in cut(ONE, BY_WORD)}
    assert [item.chunks for item in catalog.documents.pending(alike.id, 10)] == [cut(ONE_CHANGED)]
    assert [item.chunks for item in catalog.documents.pending(other.id, 10)] == [None]


def test_a_document_that_changed_and_changed_back_is_built_again(
    catalog: Catalog, docs: Collection, live: Generation
) -> None:
    catalog.documents.commit(live.id, items(ONE))
    other = build(catalog, docs, BY_WORD)
    catalog.documents.commit_built(other.id, built(ONE, settings=BY_WORD))
    for doc in (ONE_CHANGED, ONE):
        catalog.documents.commit(live.id, items(doc))
    assert catalog.documents.held(other.id, ["one"]) == {}
    assert list(catalog.documents.chunk_ids(other.id)) == []


def test_what_was_dropped_leaves_nothing_but_its_row(catalog: Catalog, docs: Collection, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    alike, other = build(catalog, docs), build(catalog, docs, BY_WORD)
    catalog.documents.commit_built(alike.id, built(ONE, TWO))
    catalog.documents.commit_built(other.id, built(ONE, TWO, settings=BY_WORD))
    catalog.documents.remove(docs.id, ["two"])
    for generation in (alike, other):
        catalog.generations.mark_dropped(generation.id)
        assert catalog.documents.held(generation.id, ["one"]) == {}
        assert catalog.documents.deletions(generation.id, 10) == ()
    assert set(catalog.documents.chunk_ids(live.id)) == ids(ONE)
    assert chunking_keys(catalog) == {BY_LINE.key}


def test_a_deleted_collection_leaves_nothing(catalog: Catalog, docs: Collection, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    catalog.documents.remove(docs.id, ["one"])
    catalog.collections.delete("docs")
    tables = ("documents", "chunks", "generations", "generation_documents", "deletions", "metadata_fields")
    with catalog._store.reading() as connection:
        counts = [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() for table in tables]
    assert counts == [0] * len(tables)


def test_a_deleted_collection_leaves_the_words_of_others(catalog: Catalog, docs: Collection, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE))
    other = [catalog.collections.create(f"other {number}") for number in range(9)][-1]
    assert (docs.id, other.id) == (1, 10)  # one number begins like the other
    generation = build(catalog, other)
    catalog.documents.commit(generation.id, items(TWO))
    catalog.collections.delete("docs")
    assert [found.id for found in catalog.words.search(generation, "two", limit=5)] == [cut(TWO)[0].id]


def chunking_keys(catalog: Catalog) -> set[str]:
    with catalog._store.reading() as connection:
        return set(connection.execute(text("SELECT DISTINCT chunking_key FROM chunks")).scalars())


# When something fails


def test_a_document_of_which_milvus_lost_a_chunk_is_pending_again(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    catalog.documents.uncommit(live.id, [cut(ONE)[0].id])
    assert catalog.documents.held(live.id, ["one", "two"]) == {"two": TWO.content_hash}
    assert set(catalog.documents.deletions(live.id, 10)) == ids(ONE)
    catalog.documents.commit_built(live.id, built(ONE))
    assert catalog.documents.deletions(live.id, 10) == ()


def test_a_generation_that_milvus_lost_is_pending_as_a_whole(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE, TWO))
    catalog.documents.remove(live.collection_id, ["two"])
    catalog.documents.uncommit(live.id)
    assert [item.document for item in catalog.documents.pending(live.id, 10)] == [ONE]
    assert catalog.documents.deletions(live.id, 10) == ()


def test_a_commit_that_fails_half_way_leaves_everything_as_it_was(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE))
    first, second = cut(TWO)[0], cut(ONE)[0]
    twice_the_same_ordinal = [(ONE_CHANGED, cut(ONE_CHANGED)), (TWO, [first, second])]
    with pytest.raises(CatalogError, match=r"Nothing was changed\.$"):
        catalog.documents.commit(live.id, twice_the_same_ordinal)
    assert catalog.documents.list(live.collection_id) == (ONE,)
    assert set(catalog.documents.chunk_ids(live.id)) == ids(ONE)
    assert catalog.documents.deletions(live.id, 10) == ()
    assert catalog.documents.held(live.id, ["one", "two"]) == {"one": ONE.content_hash}


def test_no_document_is_deleted_past_the_door_for_chunks(catalog: Catalog, live: Generation) -> None:
    catalog.documents.commit(live.id, items(ONE))
    with (
        pytest.raises(CatalogError, match="FOREIGN KEY constraint failed"),
        catalog._store.writing() as connection,
    ):
        connection.execute(delete(documents))
    assert catalog.documents.count(live.collection_id) == 1


def test_what_is_pending_is_found_without_reading_the_texts(catalog: Catalog, live: Generation) -> None:
    plan = plan_of(catalog, live)
    assert any("documents_in_order" in line and "COVERING" in line for line in plan), plan
    assert not any("TEMP B-TREE" in line for line in plan), plan


def plan_of(catalog: Catalog, generation: Generation) -> list[str]:
    query = pending(generation, documents.c.pk).where(documents.c.pk > 0).order_by(documents.c.pk).limit(10)
    with catalog._store.reading() as connection:
        sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        return [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
