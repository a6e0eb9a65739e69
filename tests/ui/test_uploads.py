import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from search_app.errors import UsageError
from ui.components.uploads import keep_uploads, safe_name


@dataclass
class Sent:
    """An upload as the browser sends it."""

    name: str
    content: bytes

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


@pytest.mark.parametrize("name", ["notes.md", "report (2).txt", "año-1.csv"])
def test_a_harmless_name_is_kept(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/abs/x.txt", "a\\b.txt", ".hidden", "", "..", "x\0.txt", "a" * 500 + ".txt", "a\nb.md"],
)
def test_any_other_name_becomes_one_visible_file_name_with_a_hash(name: str) -> None:
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert len(safe.encode()) < 255
    assert safe != name


def test_names_that_differ_never_become_the_same() -> None:
    assert len({safe_name(name) for name in ("a/b.txt", "a_b.txt", "a\\b.txt", "a?b.txt")}) == 4


def test_uploads_lie_in_the_collections_folder_and_replace_those_of_the_same_name(tmp_path: Path) -> None:
    keep_uploads(tmp_path, "../My Notes", [Sent("a.txt", b"old")])
    folder = keep_uploads(tmp_path, "../My Notes", [Sent("a.txt", b"new"), Sent("b.md", b"b")])
    assert folder == tmp_path / "my_notes"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.txt": b"new", "b.md": b"b"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_was_sent_lies_under_its_hash_once(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "a.txt"):
        folder = keep_uploads(tmp_path, "docs", [Sent(name, b"same")])
    (held,) = (tmp_path / ".content").iterdir()
    assert held.name == hashlib.sha256(b"same").hexdigest()
    assert [(path.name, path.samefile(held)) for path in sorted(folder.iterdir())] == [("a.txt", True), ("b.txt", True)]


def test_files_for_which_the_disk_has_no_room_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(UsageError, match="the disk has 1 MB left"):
        keep_uploads(tmp_path, "docs", [Sent("a.txt", b"x")])
