import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ingest.discovery import Pattern, discover, require_paths, spool
from ingest.errors import SourceNotFound, TooLarge
from ingest.limits import Limits

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


def test_paths_are_looked_for_without_going_through_folders(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree({"a.md": ""})
    monkeypatch.setattr(os, "walk", None)
    require_paths([root, root / "a.md"])
    with pytest.raises(SourceNotFound):
        require_paths([root, root / "gone"])


def test_a_file_reached_twice_is_read_once(write_tree: WriteTree) -> None:
    root = write_tree({"a/b.md": ""})
    assert ids(root, root / "a", root / "a" / "b.md") == ["docs/a/b.md"]


def test_links_out_of_the_root_and_linked_folders_are_not_followed(write_tree: WriteTree, tmp_path: Path) -> None:
    root = write_tree({"a.md": "", "sub/b.md": ""})
    (tmp_path / "secret.md").write_text("secret")
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "loop").symlink_to(root)
    (root / "nowhere.md").symlink_to(root / "gone.md")
    (root / "round.md").symlink_to(root / "round.md")
    (root / "within.md").symlink_to(root / "a.md")
    found = discover([root], suffixes=SUFFIXES)
    assert [file.id for file in found.files] == ["docs/a.md", "docs/within.md", "docs/sub/b.md"]
    assert found.skipped == (("links that lead out", 1), ("links to folders", 1), ("links to nowhere", 2))


def test_the_home_is_left_out_of_the_folders_above_it_and_taken_where_it_is_asked_for(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": "", "b/home/c.md": "", "b/home/d/e.md": "", "home/f.md": ""})
    home = root / "b" / "home"
    found = discover([root], suffixes=SUFFIXES, home=home)
    assert [file.id for file in found.files] == ["docs/a.md", "docs/home/f.md"]
    assert found.skipped == (("the home of Twinsearch", 1),)
    within = discover([home / "d"], suffixes=SUFFIXES, home=home)
    assert [file.id for file in within.files] == ["d/e.md"]


def test_pipes_are_not_opened(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": ""})
    os.mkfifo(root / "pipe.md")
    found = discover([root], suffixes=SUFFIXES)
    assert ([file.id for file in found.files], found.skipped) == (["docs/a.md"], (("pipes and devices", 1),))


def test_what_lies_beside_a_beir_corpus_is_not_documents(write_tree: WriteTree) -> None:
    root = write_tree({"set/corpus.jsonl": "", "set/queries.jsonl": "", "set/qrels/test.tsv": "", "queries.jsonl": ""})
    assert ids(root) == ["docs/queries.jsonl", "docs/set/corpus.jsonl"]


def test_a_missing_path_is_named_before_anything_is_read(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": ""})
    with pytest.raises(SourceNotFound) as caught:
        discover([root, Path("no/such")], suffixes=SUFFIXES)
    assert str(caught.value) == "There is no file or folder 'no/such'. Check the path."


def test_files_without_a_reader_are_counted_by_kind_and_questions_beside_a_corpus_too(write_tree: WriteTree) -> None:
    root = write_tree({"a.png": "", "b.png": "", "Makefile": "", "set/corpus.jsonl": "", "set/queries.jsonl": ""})
    found = discover([root], suffixes=SUFFIXES)
    assert found.skipped == (("", 1), (".png", 2), ("queries.jsonl beside a corpus", 1))


def test_an_archive_is_known_by_both_of_its_endings(write_tree: WriteTree) -> None:
    root = write_tree({"a.tar.gz": "", "b.gz": ""})
    assert [file.id for file in discover([root], suffixes={".tar.gz"}).files] == ["docs/a.tar.gz"]


def test_a_pattern_finds_files_with_ids_from_its_first_plain_folder_on(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": "", "sub/b.md": "", "sub/deep/c.md": "", "sub/d.tsv": "", ".hidden/e.md": ""})
    assert ids(root / "**" / "*.md") == ["docs/a.md", "docs/sub/b.md", "docs/sub/deep/c.md"]
    assert ids(root / "*" / "[bd].*") == ["docs/sub/b.md", "docs/sub/d.tsv"]
    found = discover([root / "s*" / "b.md"], suffixes=SUFFIXES)
    assert (found.roots, found.patterns) == ((), (Pattern(root, ("s*", "b.md")),))
    assert [found.matches(root / name) for name in ("sub/b.md", "s/b.md", "b.md", "sub/c.md")] == [1, 1, 0, 0]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(write_tree: WriteTree) -> None:
    root = write_tree({"[a].md": "", "a.md": ""})
    assert ids(root / "[a].md") == ["[a].md"]


def test_a_pattern_that_matches_nothing_is_named(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": ""})
    with pytest.raises(SourceNotFound) as caught:
        ids(root / "*.pdf")
    assert str(caught.value) == (
        f"No file matches {str(root / '*.pdf')!r}. Check the pattern; quote it from the shell."
    )


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_names_paths_from_its_own_folder_on(write_tree: WriteTree, tmp_path: Path, end: str) -> None:
    root = write_tree({"a.md": "", "sub/a.md": "", "all/b.md": "", "list.txt": end.join(["sub/a.md", "a.md", "all"])})
    (tmp_path / "other.md").write_text("")
    assert ids(root / "@list.txt") == ["docs/sub/a.md", "docs/a.md", "all/b.md"]
    write_tree({"list.txt": f"{tmp_path}/other.md{end}"})
    assert ids(root / "@list.txt") == ["other.md"]


def test_a_list_may_begin_with_a_byte_order_mark_and_have_blank_lines(write_tree: WriteTree) -> None:
    root = write_tree({"a.md": "", "b.md": "", "list.txt": b"\xef\xbb\xbfa.md\r\n  \r\nb.md\r\n\r\n"})
    assert ids(root / "@list.txt") == ["docs/a.md", "docs/b.md"]


def test_a_folder_is_no_list(write_tree: WriteTree) -> None:
    root = write_tree({"sub/a.md": ""})
    with pytest.raises(SourceNotFound) as caught:
        ids(root / "@sub")
    assert str(caught.value) == (
        f"The list {str(root / 'sub')!r} can't be read: it is not a regular file. Give a file with a path on each line."
    )


def test_a_list_that_names_what_is_not_there_is_refused(write_tree: WriteTree) -> None:
    root = write_tree({"list.txt": "gone.md\n"})
    with pytest.raises(SourceNotFound):
        ids(root / "@list.txt")


def test_a_stream_becomes_a_file_no_larger_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "stdin.jsonl"
    assert spool(io.BytesIO(b"x" * 1_000_000), path, Limits(file_mb=1)).stat().st_size == 1_000_000
    with pytest.raises(TooLarge) as caught:
        spool(io.BytesIO(b"x" * 2_000_000), path, Limits(file_mb=1))
    assert str(caught.value) == "The input is larger than 1 MB. Send it in parts, or raise the limit `file_mb`."
    assert not path.exists()


@pytest.mark.parametrize(
    "name", ["a" * 300, "@" + "a" * 300, "*" + "a" * 300, "~nobody-of-this-name/*", "~nobody-of-this-name"]
)
def test_names_that_no_file_can_have_are_missing_paths_too(name: str) -> None:
    with pytest.raises(SourceNotFound, match=r"Check the (path|pattern)"):
        discover([Path(name)], suffixes=SUFFIXES)
