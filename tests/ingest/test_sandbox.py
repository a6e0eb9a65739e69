import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from ingest.discovery import SourceFile, discover
from ingest.documents import Document, Section
from ingest.limits import Limits
from ingest.readers import READERS
from ingest.readers.found import Broken, Expected, Found, TableColumns, TableMapping, Told
from ingest.sandbox.ahead import ParsingSettings, parse_files
from ingest.sandbox.messages import FRAME_BYTES, BadMessage, End, Packer, Unpacker
from ingest.sandbox.parser import Parser

WriteTree = Callable[[Mapping[str, str | bytes]], Path]


def parse(root: Path, **limits: int) -> list[Told]:
    files = discover([root], suffixes=READERS).files
    return [item for _, item in parse_files(files, ParsingSettings(limits=Limits(**limits)))]


def ids(items: list[Told]) -> list[str]:
    return [item.document.id for item in items if isinstance(item, Found)]


def reasons(items: list[Told]) -> list[str]:
    return [item.reason for item in items if isinstance(item, Broken)]


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def inside(code: str, *, memory_mb: int = 2048) -> str:
    """What the code prints in a process that gave up what a parser gives up."""
    script = f"from ingest.limits import Limits\nfrom ingest.sandbox.confinement import *\nimport os, sys\n{code}"
    script = script.replace("CONFINE", f"confine(Limits(memory_mb={memory_mb}))")
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60).stdout.strip()


def test_documents_come_in_the_order_of_the_files_whoever_parses_faster(write_tree: WriteTree) -> None:
    root = write_tree({f"{number:02}.txt": "word " * (200_000 if number % 7 == 0 else 1) for number in range(40)})
    assert ids(parse(root)) == [f"docs/{number:02}.txt" for number in range(40)]


def test_a_file_that_takes_too_long_costs_only_itself(write_tree: WriteTree) -> None:
    slow = "<div>" * 10 + "<table><tr><td>x</td></tr></table>" * 200_000
    root = write_tree({"a.txt": "before", "b.html": slow, "c.txt": "after"})
    began = time.monotonic()
    items = parse(root, seconds=1)
    assert ids(items) == ["docs/a.txt", "docs/c.txt"]
    assert reasons(items) == ["'docs/b.html' took more than 1 s to be parsed. Split it, or raise `seconds`."]
    assert time.monotonic() - began < 30


def test_a_file_that_needs_too_much_memory_costs_only_itself(write_tree: WriteTree) -> None:
    root = write_tree({"a.txt": "before", "b.json": "[" + "[]," * 2_500_000 + "1]", "c.txt": "after"})
    items = parse(root, memory_mb=250, seconds=600)  # the machine may be busy
    assert ids(items) == ["docs/a.txt", "docs/c.txt"]
    assert reasons(items) == ["'docs/b.json' needs more than 250 MB to be parsed. Split it, or raise `memory_mb`."]


def test_a_parser_that_is_killed_costs_only_its_file(write_tree: WriteTree) -> None:
    root = write_tree({"a.txt": "before", "b.jsonl": '{"text": "row"}\n' * 300_000, "c.txt": "after"})
    seen: list[Told] = []
    files = discover([root], suffixes=READERS).files
    for file, item in parse_files(files, ParsingSettings(parser_count=1)):
        if file.id == "docs/b.jsonl" and isinstance(item, TableColumns):
            for child in children():
                child.kill()
        seen.append(item)
    assert ids(seen)[0] == "docs/a.txt"
    assert ids(seen)[-1] == "docs/c.txt"
    assert reasons(seen) == [
        "'docs/b.jsonl' made its parser end (SIGKILL). It is damaged, made to do harm, or needs more memory than "
        "`memory_mb`."
    ]


def test_a_member_that_is_lost_costs_only_itself(write_tree: WriteTree, zip_of) -> None:
    bomb = "[" + "[]," * 2_500_000 + "1]"
    root = write_tree({"a.zip": zip_of({"1.txt": "one", "2.json": bomb, "3.txt": "three"}), "b.txt": "after"})
    items = parse(root, memory_mb=250, seconds=600)  # the machine may be busy
    assert ids(items) == ["docs/a.zip/1.txt", "docs/a.zip/3.txt", "docs/b.txt"]
    assert reasons(items) == [
        "'docs/a.zip/2.json' needs more than 250 MB to be parsed. Split it, or raise `memory_mb`."
    ]


def test_an_archive_that_takes_too_long_in_all_is_given_up(write_tree: WriteTree, zip_of) -> None:
    slow = "<div>" * 10 + "<table><tr><td>x</td></tr></table>" * 200_000
    members = {"1.txt": "one", **{f"{number}.html": slow for number in range(2, 5)}}
    root = write_tree({"a.zip": zip_of(members), "b.txt": "after"})
    began = time.monotonic()
    items = parse(root, seconds=2, archive_seconds=3)
    assert ids(items) == ["docs/a.zip/1.txt", "docs/b.txt"]
    assert reasons(items)[-1] == "'docs/a.zip' took more than 3 s in all. Unpack it, or raise `archive_seconds`."
    assert time.monotonic() - began < 30


def test_whoever_stops_taking_leaves_no_process_and_no_thread(write_tree: WriteTree) -> None:
    root = write_tree({f"{number}.jsonl": '{"text": "row"}\n' * 100_000 for number in range(4)})
    before, threads = set(children()), set(threading.enumerate())
    parsed = parse_files(discover([root], suffixes=READERS).files, ParsingSettings())
    next(parsed)
    assert set(children()) - before
    parsed.close()
    assert (set(children()) - before, set(threading.enumerate()) - threads) == (set(), set())


def test_no_parser_outlives_an_ingest_that_is_killed(write_tree: WriteTree) -> None:
    root = write_tree({"a.jsonl": '{"text": "row"}\n' * 2_000_000})
    script = (
        "import sys, time, psutil\nfrom pathlib import Path\nfrom ingest.discovery import discover\n"
        "from ingest.sandbox.ahead import ParsingSettings, parse_files\n"
        "parsed = parse_files(discover([Path(sys.argv[1])], suffixes={'.jsonl'}).files, ParsingSettings())\n"
        "next(parsed)\nprint(*(child.pid for child in psutil.Process().children()), flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True) as ingest:
        (pid,) = map(int, ingest.stdout.readline().split())
        parser = psutil.Process(pid)
        ingest.kill()
    gone, _ = psutil.wait_procs([parser], timeout=10)
    assert gone == [parser]


def test_a_parser_that_can_not_be_started_stops_the_work(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        parse(write_tree({"a.txt": "text"}))


def test_a_parser_that_nobody_waits_for_begins_nothing(write_tree: WriteTree) -> None:
    """It may be interrupted between two files, or while its process is being started."""
    before, parser = set(children()), Parser(Limits(), TableMapping())
    parser.interrupt()
    (file,) = discover([write_tree({"a.txt": "text"})], suffixes=READERS).files
    (parsed,) = parser.read(file)
    assert reasons(list(parsed.items)) == ["'docs/a.txt' was not parsed: nobody waits for it."]
    assert not set(children()) - before


def test_an_interrupt_that_leaves_the_lock_locked_holds_up_nobody(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sandbox.ahead._END_SECONDS", 0.05)
    made: list[threading.Condition] = []
    condition = threading.Condition
    monkeypatch.setattr("threading.Condition", lambda *lock: made.append(condition(*lock)) or made[-1])
    before, threads = set(children()), set(threading.enumerate())  # those of other tests may go meanwhile
    parsed = parse_files(
        discover([write_tree({"a.jsonl": '{"text": "row"}\n' * 100_000})], suffixes=READERS).files, ParsingSettings()
    )
    next(parsed)
    with made[0]:  # that of the shelf
        parsed.close()
        (left,) = set(threading.enumerate()) - threads
        assert left.daemon
    left.join(30)
    assert (set(children()) - before, set(threading.enumerate()) - threads) == (set(), set())


@pytest.fixture
def parser_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Has a shell script run in the place of each parsing process; returns where it may note a process' id."""

    def write(script: str) -> Path:
        noted, program = tmp_path / "pid", tmp_path / "parser.sh"
        program.write_text(f"#!/bin/sh\n{script.format(pid=noted, python=sys.executable)}\n")
        program.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(program))
        return noted

    return write


def test_a_process_that_holds_on_to_the_pipe_of_a_parser_is_not_waited_for(
    write_tree: WriteTree, parser_script: Callable[[str], Path]
) -> None:
    noted = parser_script('sleep 60 & echo $! > {pid}; exec {python} "$@"')
    began = time.monotonic()
    assert ids(parse(write_tree({"a.txt": "text"}))) == ["docs/a.txt"]
    assert time.monotonic() - began < 30
    psutil.Process(int(noted.read_text())).kill()


def test_a_parser_that_closes_its_pipe_and_lives_on_is_ended(
    write_tree: WriteTree, parser_script: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sandbox.parser._END_SECONDS", 0.05)
    noted = parser_script("echo $$ > {pid}; exec sleep 60 >&-")
    (reason,) = reasons(parse(write_tree({"a.txt": "text"})))
    assert reason.startswith("'docs/a.txt' made its parser end (SIGKILL).")
    assert not psutil.pid_exists(int(noted.read_text()))


@pytest.mark.parametrize("fault", [MemoryError, SystemExit])
def test_whatever_ends_a_thread_stops_the_work(
    fault: type[BaseException], write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("ingest.sandbox.parser.subprocess.Popen", fail)
    with pytest.raises(fault):
        parse(write_tree({"a.txt": "text", "b.txt": "text"}))


def test_parsers_wait_when_enough_is_parsed(write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sandbox.ahead._WAITING_BYTES", 1 << 20)
    begun, read = [], Parser.read
    monkeypatch.setattr(Parser, "read", lambda parser, file: begun.append(file) or read(parser, file))
    root = write_tree({f"{number:02}.txt": "x" * 400_000 for number in range(40)})
    parsed = parse_files(discover([root], suffixes=READERS).files, ParsingSettings())
    next(parsed)
    time.sleep(0.5)  # enough for all, if nothing held them
    assert len(begun) <= 1 + 3 + 2  # the one that is taken, three that fill the room, and one at each parser
    assert len(list(parsed)) == 39


@pytest.mark.parametrize(("count", "size", "processes"), [(20, 10, 1), (21, 10, 2), (4, 60_000, 2)])
def test_a_second_process_is_started_only_for_more_than_it_takes_to_start(
    count: int, size: int, processes: int, write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers, read = set(), Parser.read
    monkeypatch.setattr(Parser, "read", lambda parser, file: readers.add(id(parser)) or read(parser, file))
    root = write_tree({f"{number:02}.txt": "x" * size for number in range(count)})
    assert len(ids(parse(root))) == count
    assert len(readers) == processes


def test_a_process_is_replaced_after_so_many_files(write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sandbox.parser._FILES_A_PROCESS", 2)
    root = write_tree({f"{number}.txt": "text" for number in range(3)})
    parser, seen = Parser(Limits(), ParsingSettings().columns), []
    for file in discover([root], suffixes=READERS).files:
        for _ in parser.read(file):
            seen.append({child.pid for child in children()})
    parser.close()
    assert seen[0] == seen[1] != seen[2]


def test_a_json_py_among_the_documents_is_not_run(write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_tree({"a.txt": "text", "json.py": "open('/tmp/harm', 'w')", "docx.py": "raise SystemExit"})
    monkeypatch.chdir(root)
    assert ids(parse(root)) == ["docs/a.txt"]


@pytest.mark.parametrize(
    "code",
    [
        "CONFINE\nimport socket\nsocket.socket()",
        "CONFINE\nimport subprocess\nsubprocess.run(['true'])",
        "CONFINE\nos.system('true')",
        "CONFINE\nos.remove('/nothing')",
    ],
)
def test_a_parser_may_open_no_socket_start_no_program_and_remove_nothing(code: str) -> None:
    head, _, last = code.rpartition("\n")
    indented = f"{head}\ntry:\n    {last}\nexcept PermissionError:\n    print('refused')"
    assert inside(indented) == "refused"


def test_a_parser_may_write_nothing_but_to_its_pipe(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write = f"os.write(os.open({str(path)!r}, os.O_CREAT | os.O_WRONLY), b'x')"
    assert (
        inside(f"CONFINE\ntry:\n    {write}\nexcept OSError as error:\n    print(error.strerror)") == "File too large"
    )
    assert path.read_bytes() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_a_parser_gets_no_more_memory_than_its_limit() -> None:
    code = "CONFINE\ntry:\n    bytearray(900_000_000)\nexcept MemoryError:\n    print('refused')"
    assert inside(code, memory_mb=500) == "refused"


@pytest.mark.skipif(not Path("/proc/self/ns/net").exists(), reason="there are no network namespaces")
def test_a_parser_has_no_network_where_the_system_lets_it_go() -> None:
    commands = (["unshare", "-n", "true"], ["unshare", "-rn", "true"])
    can_leave = any(subprocess.run(command, capture_output=True).returncode == 0 for command in commands)
    namespace = "os.readlink('/proc/self/ns/net')"
    assert inside(f"before = {namespace}\nCONFINE\nprint(before != {namespace})") == str(can_leave)


def test_the_parsing_process_never_loads_the_encoder(write_tree: WriteTree) -> None:
    code = "import sys, ingest.sandbox.child\nprint([n for n in ('torch', 'pymilvus', 'numpy') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_what_is_packed_is_what_is_unpacked() -> None:
    long = "漢 word " * 100_000
    document = Document(
        "i", "t", long, "s", "/o", {"a": 1, "b": None, "c": "x"}, (Section(0, ("A", "B"), 3), Section(9))
    )
    items = [
        Expected(2),
        TableColumns("s", "text", None, "title", None, ("a", "b")),
        Found(document, "place", "table", has_fixed_id=True),
        Broken("s", "why", False),
        End("cut", hides_ids=True),
    ]
    packer, unpacker = Packer(), Unpacker("/o")
    frames = [frame for item in items[:-1] for frame in packer.pack(item)] + list(packer.end(items[-1]))
    assert [one for frame in frames for one in unpacker.unpack(frame)] == items
    assert max(map(len, frames)) < FRAME_BYTES


@pytest.mark.parametrize(
    "frame",
    [b"{", b"[1]", b'[["Found", {}]]', b'[["Popen", {}]]', b"\xff", b'[["End", {"x": 1}]]', b"[" * 200_000],
)
def test_a_frame_that_is_no_message_is_refused(frame: bytes) -> None:
    with pytest.raises(BadMessage):
        list(Unpacker("/o").unpack(frame))


def test_only_regular_files_are_opened_and_no_pipe_blocks(tmp_path: Path) -> None:
    tree = tmp_path / "docs"
    tree.mkdir()
    os.mkfifo(tree / "pipe.txt")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tree / "s.txt"))
    (tree / "out.txt").symlink_to("/etc/hostname")
    (tree / "loop.txt").symlink_to(tree / "loop.txt")
    (tree / "large.txt").write_text("x" * (2 << 20))
    names = ("pipe.txt", "s.txt", "out.txt", "loop.txt", "large.txt", "gone.txt")
    files = [SourceFile(tree / name, name, tree) for name in names] + [
        SourceFile(Path("/dev/zero"), "zero", Path("/dev"))
    ]
    items = [item for _, item in parse_files(files, ParsingSettings(limits=Limits(file_mb=1)))]
    listening.close()
    assert reasons(items) == [
        "'pipe.txt' is not a regular file, but a pipe, a device or a folder.",
        "'s.txt' can't be opened: No such device or address. Check its permissions.",
        f"'out.txt' leads out of {str(tree)!r}. Give the path that it leads to.",
        "'loop.txt' can't be opened: its links form a loop. Check its permissions.",
        "'large.txt' is larger than 1 MB. Split it, or raise the limit `file_mb`.",
        "'gone.txt' can't be opened: No such file or directory. Check its permissions.",
        "'zero' is not a regular file, but a pipe, a device or a folder.",
    ]
