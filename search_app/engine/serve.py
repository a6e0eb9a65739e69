"""The engine's process: `python -m search_app.engine.serve FOLDER SOCKET IDLE_SECONDS`.

It detaches itself and prints its process id. It ends by itself when nobody has called for IDLE_SECONDS, when
its folder is gone, and cleanly on SIGTERM. Its record is on disk exactly while it serves: a client that
touches first and reads the record afterwards never meets an engine that is about to end for being idle.
"""

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from search_app.engine.inspection import remove_damaged
from search_app.engine.record import EngineFiles, EngineRecord, write_record
from search_app.liveness import began

_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 5.0  # for calls that are under way when the engine ends


def main(arguments: list[str]) -> int:
    """Detach, serve until there is a reason to end, and close the data cleanly."""
    folder, socket, idle_seconds = Path(arguments[0]), Path(arguments[1]), float(arguments[2])
    files = EngineFiles(folder)
    _detach(files.log)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal that started it is not meant for it
    _serve(files, socket, idle_seconds, ended)
    return 0


def _detach(log: Path) -> None:
    """Leave the starter's session, so that neither its end nor its terminal reaches the engine."""
    child = os.fork()
    if child:
        print(child, flush=True)
        os._exit(0)
    os.setsid()
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(ours, theirs)


def _say(sentence: str) -> None:
    """Print to the log, for which a full disk may have no room."""
    with contextlib.suppress(OSError):
        print(sentence, flush=True)


def _serve(files: EngineFiles, socket: Path, idle_seconds: float, ended: threading.Event) -> None:
    server, data = _open(files.data, socket)
    try:
        socket.chmod(0o600)
        record = EngineRecord(os.getpid(), began(os.getpid()), f"unix:{socket}")
        write_record(files, record)
        _say(f"The engine serves {files.data} at {record.address}.")
        _wait(files, record, idle_seconds, ended)
    finally:
        files.record.unlink(missing_ok=True)
        server.stop(_GRACE_SECONDS).wait(2 * _GRACE_SECONDS)  # a call that hangs must not keep the next engine waiting
        data.close()
        socket.unlink(missing_ok=True)


def _open(folder: Path, socket: Path) -> tuple[Any, Any]:
    """A listening gRPC server and the open data, looked over before; waits for an engine that is just closing them."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread
    from milvus_lite.exceptions import DataDirLockedError

    deadline = time.monotonic() + 2 * _GRACE_SECONDS
    while True:
        try:
            with _locked(folder):
                for sentence in remove_damaged(folder):
                    _say(sentence)
            server, data, _ = start_server_in_thread(str(folder), host="unix", port=str(socket))
            return server, data
        except (DataDirLockedError, BlockingIOError):
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS / 10)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold Milvus Lite's own lock on the data.

    Raises:
        BlockingIOError: Another engine has the data open.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "LOCK").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _wait(files: EngineFiles, record: EngineRecord, idle_seconds: float, ended: threading.Event) -> None:
    """Return when it is time to end: told to, without a folder, or idle."""
    lock = FileLock(files.start_lock, timeout=0)
    while not ended.wait(_LOOK_SECONDS):
        if not files.data.exists():
            _say("The engine's folder is gone, so it ends.")
            return
        if _is_idle(files, idle_seconds) and _retires(files, record, idle_seconds, lock):
            _say(f"Nobody called for {idle_seconds:g} seconds, so the engine ends.")
            return


def _is_idle(files: EngineFiles, idle_seconds: float) -> bool:
    try:
        return time.time() - files.touched.stat().st_mtime > idle_seconds
    except FileNotFoundError:
        return True


def _retires(files: EngineFiles, record: EngineRecord, idle_seconds: float, lock: FileLock) -> bool:
    """Take the record away, unless a client came meanwhile; the lock is kept until the process has ended."""
    with contextlib.suppress(Timeout):
        lock.acquire()
        files.record.unlink(missing_ok=True)
        if _is_idle(files, idle_seconds):
            return True
        write_record(files, record)
        lock.release()
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
