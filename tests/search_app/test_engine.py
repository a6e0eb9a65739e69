"""The engine's process: one at a time, private, found again, and gone when it should be."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from search_app.engine import Engine
from search_app.engine.record import EngineFiles, is_running, read_record, write_record
from search_app.engine.sockets import socket_path
from search_app.errors import EngineError


@pytest.fixture
def folder() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="tw-"))
    yield parent / "engine"
    Engine(parent / "engine").stop()
    shutil.rmtree(parent, ignore_errors=True)


def eventually(claim: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_asking_for_the_address_starts_one_engine_however_many_ask(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        addresses = set(pool.map(lambda _: Engine(folder).address(), range(4)))
    assert addresses == {f"unix:{folder}/engine.sock"}
    serving = [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in (p.info["cmdline"] or [])]
    assert serving == [Engine(folder).status().pid]


def test_another_process_finds_the_engine_that_runs(folder: Path) -> None:
    Engine(folder).address()
    code = (
        "import sys, pathlib; from search_app.engine import Engine; "
        "print(Engine(pathlib.Path(sys.argv[1])).status().pid)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(told.stdout) == Engine(folder).status().pid


def test_the_engine_listens_on_no_network_port_and_is_private(folder: Path) -> None:
    engine = Engine(folder)
    engine.address()
    process = psutil.Process(engine.status().pid)
    assert process.net_connections("inet") == []
    assert (folder.stat().st_mode & 0o777, (folder / "engine.sock").stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_engine_is_in_a_session_of_its_own(folder: Path) -> None:
    engine = Engine(folder)
    engine.address()
    assert os.getsid(engine.status().pid or 0) != os.getsid(0)


def test_stop_ends_it_and_leaves_the_data_only(folder: Path) -> None:
    engine = Engine(folder)
    engine.address()
    assert engine.stop() is True
    assert engine.status().running is False
    assert not (folder / "engine.sock").exists()
    assert engine.stop() is False


def test_stop_before_any_start_makes_no_folder(folder: Path) -> None:
    assert Engine(folder).stop() is False
    assert not folder.exists()


def test_what_a_killed_engine_left_behind_does_not_stop_the_next(folder: Path) -> None:
    engine = Engine(folder)
    engine.address()
    killed = engine.status().pid or 0
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: not engine.status().running)
    assert (folder / "engine.sock").exists()
    engine.address()
    assert engine.status().pid not in {None, killed}


def test_a_record_with_the_number_of_another_process_is_not_taken_for_the_engine(folder: Path) -> None:
    engine = Engine(folder)
    engine.address()
    record = read_record(EngineFiles(folder))
    assert record is not None
    somebody = replace(record, pid=os.getpid())
    assert is_running(record)
    assert not is_running(somebody)
    engine.stop()
    write_record(EngineFiles(folder), somebody)
    assert engine.stop() is False  # and this test's own process goes on


def test_an_engine_that_does_not_even_begin_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_app.engine.control._START_SECONDS", 0.001)
    with pytest.raises(EngineError, match=r"hasn't told its number within 0\.001 seconds"):
        Engine(folder).address()
    monkeypatch.undo()
    Engine(folder).address()


def test_an_idle_engine_ends_by_itself_and_starts_again_when_asked(folder: Path) -> None:
    engine = Engine(folder, idle_seconds=0.5)
    engine.address()
    assert eventually(lambda: not engine.status().running)
    assert "Nobody called for 0.5 seconds, so the engine ends." in (folder / "engine.log").read_text()
    engine.address()
    assert engine.status().running


def test_touching_keeps_an_engine_from_ending(folder: Path) -> None:
    engine = Engine(folder, idle_seconds=2)
    engine.address()
    begun = engine.status().pid
    for _ in range(20):
        engine.touch()
        time.sleep(0.2)
    assert engine.status().pid == begun


def test_the_engine_ends_when_its_folder_vanishes(folder: Path) -> None:
    engine = Engine(folder)
    engine.address()
    process = psutil.Process(engine.status().pid)
    shutil.rmtree(folder)
    assert eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_an_engine_that_cannot_open_its_data_says_why(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "data").write_text("no folder")
    with pytest.raises(EngineError, match=r"ended while starting\. Its log .* ends with: .*FileExistsError"):
        Engine(folder).address()


def test_a_home_too_deep_for_a_socket_gets_one_in_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder.parent))
    path = socket_path(tmp_path / ("deep" * 30))
    assert path.parent == folder.parent / f"twinsearch-{os.getuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert socket_path(tmp_path / ("deep" * 30)) == path
    assert socket_path(tmp_path / ("else" * 30)) != path


def test_a_socket_folder_that_others_may_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder.parent))
    shared = folder.parent / f"twinsearch-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o755)
    with pytest.raises(EngineError, match="is not private"):
        socket_path(tmp_path / ("deep" * 30))
