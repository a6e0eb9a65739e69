"""Files made to harm: each is text or a line with its reason, the rest goes on, and the parent stays small.

TWINSEARCH_CAMPAIGN=1 makes the numbers those of the long campaign; TWINSEARCH_SEED repeats a run.
"""

import gzip
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ingest.discovery import discover
from ingest.limits import Limits
from ingest.readers import READERS
from ingest.readers.found import Broken, Found, Told
from ingest.sandbox.ahead import ParsingSettings, parse_files

IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
SEED = int(os.environ.get("TWINSEARCH_SEED", random.randrange(2**32)))
MUTANTS = 200 if IS_CAMPAIGN else 8  # of each format
MEMBERS = 1_000_000 if IS_CAMPAIGN else 20_000
MEGABYTES_ON_A_LINE = 100 if IS_CAMPAIGN else 30
PARENT_BYTES = 100_000_000
BINARY = (".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".epub", ".parquet", ".zip", ".tar.gz")

WriteTree = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def taken(write_tree: WriteTree) -> Callable[..., dict[str, list[Told]]]:
    """Parses the files with a good one after them, and gives what each came to; watches time and memory."""

    def take(files: Mapping[str, str | bytes], **limits: int) -> dict[str, list[Told]]:
        root = write_tree({**files, "~last.txt": "The rest goes on."})
        settings = ParsingSettings(limits=Limits(**limits))
        found: dict[str, list[Told]] = {}
        last = time.monotonic()
        with growth_watched() as growth:
            for file, item in parse_files(discover([root], suffixes=READERS).files, settings):
                found.setdefault(file.id.removeprefix("docs/"), []).append(item)
                assert (
                    time.monotonic() - last < settings.limits.seconds + 30
                )  # the start of a process on a busy machine
                last = time.monotonic()
        assert max(growth) < PARENT_BYTES
        assert set(found) == {*files, "~last.txt"}
        assert isinstance(found["~last.txt"][0], Found)
        return found

    return take


@contextmanager
def growth_watched() -> Iterator[list[int]]:
    """By how many bytes this process has grown, every ten milliseconds."""
    process, done = psutil.Process(), threading.Event()
    growth, before = [0], process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.01):
            growth.append(process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        done.set()
        watcher.join()


def reason(items: list[Told]) -> str:
    (broken,) = [item for item in items if isinstance(item, Broken)]
    return broken.reason


def flipped(content: bytes, chance: random.Random) -> bytes:
    """The content, cut short, or with up to a dozen bits turned over."""
    if chance.random() < 0.3:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(chance.randint(1, 12)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def repacked(content: bytes, chance: random.Random) -> bytes:
    """A packed file with one of its members changed, whose checksums hold."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        members = {name: package.read(name) for name in package.namelist()}
    name = chance.choice([name for name, value in members.items() if value])
    members[name] = flipped(members[name], chance)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for member, value in members.items():
            package.writestr(member, value)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", BINARY)
def test_a_mutant_is_text_or_a_reason(suffix: str, samples: Mapping[str, bytes], taken) -> None:
    print(f"TWINSEARCH_SEED={SEED}")
    chance = random.Random(f"{SEED}{suffix}")
    good = samples[suffix]
    is_packed = good.startswith(b"PK")
    mutants = {
        f"{number:03}{suffix}": (repacked if is_packed and number % 2 else flipped)(good, chance)
        for number in range(MUTANTS)
    }
    found = taken(mutants)
    assert all(any(isinstance(item, Found | Broken) for item in found[name]) for name in mutants)


@pytest.mark.parametrize("suffix", [".docx", ".xlsx", ".odt", ".epub", ".zip"])
def test_a_bomb_is_refused_before_it_is_unpacked(suffix: str, samples: Mapping[str, bytes], taken) -> None:
    stream = io.BytesIO(samples[suffix])
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as package, package.open("bomb.txt", "w") as bomb:
        for _ in range(60):
            bomb.write(bytes(1 << 20))
    name = f"a{suffix}"
    assert reason(taken({name: stream.getvalue()})[name]) == (
        f"'docs/{name}' unpacks to more than 200 times its size, as a bomb does. "
        "Raise the limit `ratio` if you know where it comes from."
    )


def test_a_packed_tar_that_swells_is_given_up(taken) -> None:
    stream = io.BytesIO()
    with gzip.open(stream, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = 80 << 20
        archive.addfile(info, io.BufferedReader(Zeros(info.size)))
    assert "unpacks to more than 200 times its size" in reason(taken({"a.tar.gz": stream.getvalue()})["a.tar.gz"])


def test_an_archive_of_too_many_members_is_refused(taken, tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as package:
        for number in range(MEMBERS):
            package.writestr(zipfile.ZipInfo(f"{number}.txt"), b"")
    found = taken({"many.zip": path.read_bytes()})
    assert reason(found["many.zip"]) == "'docs/many.zip' has more than 10,000 members. Raise the limit `members`."


@pytest.mark.parametrize("name", ["inner.zip", "inner.txt"])
def test_archives_in_archives_are_opened_to_a_depth_whatever_they_are_called(taken, zip_of, name: str) -> None:
    inner = zip_of({"deepest.txt": "too deep"})
    for depth in range(4):
        inner = zip_of({name: inner, f"{depth}.txt": f"text {depth}"})
    found = taken({"a.zip": inner})
    assert [item.document.text for item in found["a.zip"] if isinstance(item, Found)] == ["text 2", "text 3"]
    assert reason(found["a.zip"]) == (
        f"'docs/a.zip/{name}/{name}' lies in 2 archives, one in the other. Unpack them, or raise the limit `depth`."
    )


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".odt"])
def test_entities_that_multiply_are_not_resolved(suffix: str, samples: Mapping[str, bytes], taken) -> None:
    mutant = with_laughs(samples[suffix])
    assert b"&l11;" in mutant  # stored, not packed
    found = taken({f"a{suffix}": mutant})
    texts = [item.document.text for item in found[f"a{suffix}"] if isinstance(item, Found)]
    assert all("lol" not in text for text in texts)


def test_hundreds_of_thousands_of_nested_tags_end_no_run(taken, zip_of) -> None:
    html, xml = (f"<{tag}>" * 200_000 + "deep" + f"</{tag}>" * 200_000 for tag in ("div", "a"))
    found = taken({"a.html": html, "b.odt": zip_of({"content.xml": xml}), "c.json": "[" * 200_000 + "]" * 200_000})
    assert all(isinstance(found[name][-1], Found | Broken) for name in ("a.html", "b.odt", "c.json"))
    assert reason(found["b.odt"]).startswith("A part isn't XML: Excessive depth in document: 256")


def test_a_hundred_megabytes_on_one_line_are_one_reason(taken) -> None:
    line = b"word " * (MEGABYTES_ON_A_LINE * 200_000)
    names = ("a.txt", "b.md", "c.csv", "d.jsonl", "e.html", "f.eml", "g.json")
    found = taken(dict.fromkeys(names, line))
    assert reason(found["a.txt"]) == (
        "'docs/a.txt' has more than 20,000,000 characters. Split it, or raise the limit `characters`."
    )
    assert all(isinstance(found[name][-1], Broken) for name in names)


@pytest.mark.parametrize("words", ["word ", "w漢 "], ids=["ASCII", "wide"])
def test_the_longest_text_that_is_allowed_comes_in_pieces(words: str, taken) -> None:
    length = Limits().characters - 1_000
    (found,) = taken({"a.txt": words * (length // len(words))})["a.txt"]
    assert isinstance(found, Found)
    assert length - 10 < len(found.document.text) <= length


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".csv", ".jsonl", ".json", ".eml"])
def test_bytes_that_are_no_text_end_no_run(suffix: str, taken) -> None:
    print(f"TWINSEARCH_SEED={SEED}")
    contents = {
        "broken utf-8": b"good \xff\xfe\xc3( bad",
        "broken utf-16": "text".encode("utf-16") + b"\x00",
        "nul": b"a\x00b\x00\x00c",
        "surrogate": b'{"text": "\\ud800", "id": 1}\n' + "\ud800".encode("utf-8", "surrogatepass"),
        "noise": random.Random(SEED).randbytes(10_000),
        "empty": b"",
    }
    found = taken({f"{name}{suffix}": content for name, content in contents.items()})
    for items in found.values():
        for item in items:
            if isinstance(item, Found):
                assert item.document.text.encode().decode() == item.document.text


def test_odd_names_are_files_like_others(taken) -> None:
    names = ("..dots", "sp ace.txt", "quo'te\".txt", "-x.txt", "\\..\\x.txt", "$(x).txt", "*.txt", "@list.txt")
    found = taken({f"a{name}.txt": "text" for name in names})
    assert all(isinstance(items[0], Found) for items in found.values())


def test_a_name_of_two_lines_and_one_of_no_encoding_are_read(tmp_path: Path) -> None:
    (tmp_path / "new\nline.txt").write_text("text")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_text("text")
    items = [item for _, item in parse_files(discover([tmp_path], suffixes=READERS).files, ParsingSettings())]
    ids = sorted(item.document.id for item in items if isinstance(item, Found))
    assert ids == [f"{tmp_path.name}/.txt", f"{tmp_path.name}/new line.txt"]


def as_anybody() -> list[str]:
    """What to put before a command so that permissions hold for it, as they do for everybody but root."""
    rights = "-dac_override,-dac_read_search"
    before = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    if before and (not shutil.which("setpriv") or subprocess.run([*before, "true"], check=False).returncode):
        pytest.skip("root reads every file, and its rights can't be given up here")
    return before


def test_what_may_not_be_read_is_a_reason_and_the_rest_goes_on(write_tree: WriteTree) -> None:
    root = write_tree({"a.txt": "text", "b.txt": "text", "listed/d.txt": "text", "shut/c.txt": "text"})
    (root / "listed" / "link").symlink_to(root)
    for name, rights in (("a.txt", 0), ("listed", 0o600), ("shut", 0)):
        (root / name).chmod(rights)
    code = (
        "import sys\nfrom pathlib import Path\nfrom ingest.discovery import discover\n"
        "from ingest.readers import READERS\nfrom ingest.sandbox.ahead import ParsingSettings, parse_files\n"
        "found = discover([Path(sys.argv[1])], suffixes=READERS)\nprint(*(one.error for one in found.unlisted))\n"
        "for _, item in parse_files(found.files, ParsingSettings()):\n"
        "    print(getattr(item, 'reason', 'read'))"
    )
    command = [*as_anybody(), sys.executable, "-c", code, str(root)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in ("listed", "shut"):
        (root / name).chmod(0o700)
    assert ended.stdout.splitlines() == [
        f"The folder '{root}/shut' can't be listed (Permission denied). Check its permissions.",
        "'docs/a.txt' can't be opened: Permission denied. Check its permissions.",
        "read",
        "'docs/listed/d.txt' can't be opened: Permission denied. Check its permissions.",
    ]


class Zeros(io.RawIOBase):
    """A stream of so many zero bytes."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        count = min(len(buffer), self._left)
        buffer[:count] = bytes(count)
        self._left -= count
        return count


def with_laughs(content: bytes) -> bytes:
    """A packed file in whose parts every "pump" is an entity of 10^11 laughs."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    prolog = f'<!DOCTYPE x [<!ENTITY l0 "lol">{entities}]>'.encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as package, zipfile.ZipFile(stream, "w") as changed:
        for name in package.namelist():
            part = package.read(name)
            if name.endswith(".xml") and b"pump" in part:
                declaration, end, root = part.rpartition(b"?>")
                part = declaration + end + prolog + root.replace(b"pump", b"&l11;")
            changed.writestr(name, part)
    return stream.getvalue()
