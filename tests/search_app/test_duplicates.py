"""The same document in several files is one document with several names, and none of them is ever lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from search_app.app import SearchApp
from search_app.catalog.copies import Alias
from search_app.catalog.generations import Generation
from search_app.requests import IngestRequest

Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes "tree" hold exactly these files."""

    def make(files: dict[str, str]) -> Path:
        root = tmp_path / "tree"
        shutil.rmtree(root, ignore_errors=True)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return make


def take_in(app: SearchApp, root: Path, *, prune: bool = True) -> tuple[int, int, int, int]:
    summary = app.ingest(IngestRequest((str(root),), prune=prune))
    return summary.new, summary.changed, summary.unchanged, summary.removed


def live(app: SearchApp) -> Generation:
    found = app.catalog.collections.live("docs")
    assert found is not None
    return found


def in_milvus(app: SearchApp) -> set[str]:
    return {one for page in app.index.ids(live(app).physical_name) for one in page}


def hits(app: SearchApp, query: str) -> list[str]:
    return [hit.document_id for hit in app.search(query, mode="dense").hits]


def aliases(app: SearchApp, document_id: str) -> list[str]:
    found = app.catalog.copies.aliases(live(app).collection_id, [document_id])
    return [alias.id for alias in found.get(document_id, ())]


def test_a_copy_in_another_folder_is_another_name_of_one_document(app: SearchApp, tree: Tree) -> None:
    root = tree({"a/cat.txt": "cat", "b/cat.txt": "cat", "b/dog.txt": "dog"})
    summary = app.ingest(IngestRequest((str(root),)))
    (collection,) = app.status().collections
    assert (summary.new, summary.chunk_count, collection.chunk_count) == (3, 2, 2)
    assert hits(app, "cat") == ["tree/a/cat.txt", "tree/b/dog.txt"]
    assert app.catalog.copies.aliases(live(app).collection_id, ["tree/a/cat.txt"]) == {
        "tree/a/cat.txt": (Alias("tree/b/cat.txt", "tree/b/cat.txt", str(root / "b/cat.txt")),)
    }
    assert len(in_milvus(app)) == 2
    assert take_in(app, root) == (0, 0, 3, 0)
    assert app.check().remaining == ()


def test_a_copy_takes_over_when_its_original_changes(app: SearchApp, tree: Tree) -> None:
    take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "cat", "c/cat.txt": "cat"}))
    assert take_in(app, tree({"a/cat.txt": "dog", "b/cat.txt": "cat", "c/cat.txt": "cat"})) == (0, 1, 2, 0)
    assert hits(app, "cat") == ["tree/b/cat.txt", "tree/a/cat.txt"]
    assert aliases(app, "tree/b/cat.txt") == ["tree/c/cat.txt"]
    assert app.check().remaining == ()


def test_a_copy_takes_over_when_its_original_vanishes(app: SearchApp, tree: Tree) -> None:
    take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "cat"}))
    assert take_in(app, tree({"b/cat.txt": "cat"})) == (0, 0, 1, 1)
    assert hits(app, "cat") == ["tree/b/cat.txt"]
    assert app.catalog.documents.get(live(app).collection_id, "tree/b/cat.txt").text == "cat"
    assert app.check().remaining == ()


def test_a_copy_that_changes_is_a_document_of_its_own(app: SearchApp, tree: Tree) -> None:
    take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "cat"}))
    assert take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "dog"})) == (0, 1, 1, 0)
    assert hits(app, "dog") == ["tree/b/cat.txt", "tree/a/cat.txt"]
    assert aliases(app, "tree/a/cat.txt") == []


def test_a_document_that_becomes_a_copy_leaves_no_chunk(app: SearchApp, tree: Tree) -> None:
    take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "dog"}))
    assert take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "cat"})) == (0, 1, 1, 0)
    assert (hits(app, "dog"), len(in_milvus(app))) == (["tree/a/cat.txt"], 1)
    assert app.check().remaining == ()


def test_rows_of_one_file_keep_their_ids_whatever_they_say(app: SearchApp, tree: Tree) -> None:
    rows = '{"id": "x", "text": "cat"}\n{"id": "y", "text": "cat"}\n'
    assert take_in(app, tree({"rows.jsonl": rows})) == (2, 0, 0, 0)
    assert [one.id for one in app.documents() if one.original_id is None] == ["x", "y"]


def test_a_new_generation_holds_each_document_once(app: SearchApp, tree: Tree) -> None:
    take_in(app, tree({"a/cat.txt": "cat", "b/cat.txt": "cat"}))
    second = app.reindexer.reindex("docs", "literal", lambda _: None)
    assert app.catalog.documents.chunk_count(second.id) == 1


def test_any_run_of_changes_leaves_what_a_first_ingest_of_the_last_state_finds(app: SearchApp, tree: Tree) -> None:
    seed = 11
    print("seed", seed)
    random = Random(seed)
    names = [f"{folder}/{name}.txt" for folder in "abc" for name in ("one", "two")]
    for _ in range(12):
        files = {name: random.choice(("cat", "dog", "sea")) for name in names if random.random() < 0.7}
        root = tree(files or {"a/one.txt": "cat"})
        take_in(app, root)
        documents = {one.id: one for one in app.catalog.documents.list(live(app).collection_id)}
        found = {alias for key in documents for alias in aliases(app, key)} | documents.keys()
        assert found == {f"tree/{name}" for name in files} or not files
        for name, text in files.items():
            assert app.catalog.documents.get(live(app).collection_id, f"tree/{name}").text == text
        pairs = [(one.title, one.text) for one in documents.values()]
        assert len(pairs) == len(set(pairs))
        assert app.check().remaining == ()
