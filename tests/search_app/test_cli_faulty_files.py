"""A folder of files that fail in every way: exit code 3, a line for each of them, and the rest goes in."""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Twinsearch = Callable[..., tuple[int, str, str]]


def zip_of(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    root.mkdir()
    files = {
        "bomb.zip": zip_of({"zeros.txt": bytes(60 << 20)}),
        "broken.docx": b"PK\x03\x04 no package",
        "cat.txt": b"cat cat dog",
        "cut.pdf": b"%PDF-1.4\n1 0 obj",
        "deep.json": b"[" * 200_000 + b"]" * 200_000,
        "empty.md": b" \n",
        "line.csv": b"word " * 5_000_000,
        "name\nof two lines.txt": b"fire",
        "nul.txt": b"bread\0loaf \xff\xfe",
        "out.zip": zip_of({"../../rain.txt": b"rain", "no.docx": b"no"}),
        "photo.png": b"",
        "wide.txt": "sea ocean".encode("utf-16"),
    }
    for name, content in files.items():
        (root / name).write_bytes(content)
    os.mkfifo(root / "pipe.txt")
    (root / "endless.txt").symlink_to("/dev/zero")
    (root / "hosts.txt").symlink_to("/etc/hosts")
    (root / "round.txt").symlink_to(root / "round.txt")
    return root


FAILED = (
    "'docs/bomb.zip' unpacks to more than 200 times its size, as a bomb does. "
    "Raise the limit `ratio` if you know where it comes from.",
    "'docs/broken.docx' is damaged: File is not a zip file.",
    "'docs/cut.pdf' isn't a readable PDF: Failed to load document (PDFium: Data format error).",
    "'docs/deep.json' isn't JSON: it is nested too deeply.",
    "'docs/empty.md' holds no text.",
    "Line 1 of 'docs/line.csv' isn't readable as a table: field larger than field limit (20000000).",
    "'docs/nul.txt' holds NUL bytes, so it isn't text. Convert it to text first.",
    "'docs/out.zip/no.docx' is damaged: File is not a zip file.",
)
LEFT_OUT = ".png 1, links that lead out 1, links to nowhere 1, pipes and devices 2"


def test_each_file_that_fails_has_a_line_and_the_rest_goes_in(twinsearch: Twinsearch, folder: Path) -> None:
    code, out, err = twinsearch("ingest", folder)
    assert code == 3
    assert err.splitlines() == [f"failed: {reason}" for reason in FAILED]
    counts = "docs: 4 new, 0 changed, 0 unchanged, 0 removed, 8 failed"
    assert re.fullmatch(rf"{counts} \(4 chunks, \d+\.\d s; left out: {LEFT_OUT}\)\n", out)
    listed = json.loads(twinsearch("documents", "list", "--json")[1])
    names = ["cat.txt", "name of two lines.txt", "out.zip/rain.txt", "wide.txt"]
    assert [one["id"] for one in listed] == [f"docs/{name}" for name in names]
    assert twinsearch("documents", "failed") == (0, "".join(f"{reason}\n" for reason in FAILED), "")
    told = "docs: not all of 8 files went in; `twinsearch documents failed -c docs` tells why"
    assert told in twinsearch("status")[1].splitlines()
