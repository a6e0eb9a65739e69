import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ingest.discovery import discover
from ingest.errors import SourceNotFound

WriteTree = Callable[[Mapping[str, str | bytes]], Path]
SUFFIXES = {".md", ".jsonl", ".tsv"}


def ids(*paths: Path) -> list[str]:
    return [file.id for file in discover(paths, suffixes=SUFFIXES).files]


def test_files_come_sorted_with_ids_below_their_root(write_tree: WriteTree) -> None:
    root = write_tree({"b.md": "", "a/z.md": "", "a/b/c.MD": "", ".hidden/d.md": "", ".e.md": "", "f.png": ""})
    found = discover([root], suffixes=SUFFIXES)
    assert [file.id for file in found.files] == ["docs/b.md", "docs/a/z.md", "docs/a/b/c.MD"]
    assert found.skipped_count == 1


def test_a_file_given_by_name_is_taken_whatever_it_is_called(write_tree: WriteTree) -> None:
    root = write_tree({"notes.xyz": ""})
    assert ids(root / "notes.xyz") == ["notes.xyz"]


def test_a_file_reached_twice_is_read_once(write_tree: WriteTree) -> None:
    root = write_tree({"a/b.md": ""})
    assert ids(root, root / "a", root / "a" / "b.md") == ["docs/a/b.md"]


def test_links_out_of_the_root_and_linked_folders_are_not_followed(write_tree: WriteTree, tmp_path: Path) -> None:
    root = write_tree({"a.md": "", "sub/b.md": ""})
    (tmp_path / "secret.md").write_text("secret")
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "loop").symlink_to(root)
    (root / "nowhere.md").symlink_to(root / "gone.md")
    assert ids(root) == ["docs/a.md", "docs/sub/b.md"]


def test_pipes_are_not_opened(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": ""})
    os.mkfifo(root / "pipe.md")
    assert ids(root) == ["docs/a.md"]


def test_what_lies_beside_a_beir_corpus_is_not_documents(write_tree: WriteTree) -> None:
    root = write_tree({"set/corpus.jsonl": "", "set/queries.jsonl": "", "set/qrels/test.tsv": "", "queries.jsonl": ""})
    assert ids(root) == ["docs/queries.jsonl", "docs/set/corpus.jsonl"]


def test_a_missing_path_is_named_before_anything_is_read(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": ""})
    with pytest.raises(SourceNotFound) as caught:
        discover([root, Path("no/such")], suffixes=SUFFIXES)
    assert str(caught.value) == "There is no file or folder 'no/such'. Check the path."
