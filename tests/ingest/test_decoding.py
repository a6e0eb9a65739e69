from pathlib import Path

import pytest

from ingest.errors import ReadError
from ingest.readers.decoding import encoding_of, read_text

PROSE = "Füße über Öl: Die Prüfung der Größe läuft täglich, früh am Morgen und spät am Abend. " * 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_files_are_read_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Füße 漢字 🙂".encode(encoding))
    assert read_text(path) == "Füße 漢字 🙂"


@pytest.mark.parametrize("before", ["", "plain " * 400_000], ids=["at once", "after two megabytes of ASCII"])
def test_a_legacy_encoding_is_guessed_from_where_it_shows(tmp_path: Path, before: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((before + PROSE).encode("latin-1"))
    assert read_text(path) == before + PROSE


def test_a_character_across_a_block_edge_is_still_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * ((1 << 20) - 1) + "é".encode())
    assert encoding_of(path) == "utf-8"


def test_binary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"PNG\x00\x01\x02")
    with pytest.raises(ReadError) as caught:
        read_text(path)
    assert str(caught.value) == "'a.txt' holds NUL bytes, so it isn't text. Convert it to text first."


def test_a_broken_utf16_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("text".encode("utf-16") + b"\x00")
    with pytest.raises(ReadError) as caught:
        read_text(path)
    assert str(caught.value) == ("'a.txt' looks like utf-16 but isn't throughout. Save it as UTF-8 and try again.")
