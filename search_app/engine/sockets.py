"""Where the engine's socket lies: always in a folder that only its owner may enter.

A Unix socket's path may have 107 bytes (103 on macOS). A home that lies deeper gets its socket in a private
folder below the runtime or temporary directory. Others may write there, so the folder counts only if it is
ours, closed to everyone else, and no link.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from search_app.errors import EngineError

_PATH_BYTES_MAX = 100  # 103 on macOS, less some room


def socket_path(folder: Path) -> Path:
    """The path of the socket for an engine's folder, short enough to be bound.

    Raises:
        EngineError: No private folder with a short path can be had.
    """
    beside = folder / "engine.sock"
    if _fits(beside):
        return beside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    path = _private_folder(_runtime_folder()) / f"{name}.sock"
    if _fits(path):
        return path
    raise EngineError(
        f"The engine's socket would lie at {path}, "
        f"which is longer than the {_PATH_BYTES_MAX} bytes a socket may have. "
        "Choose a shorter home with `--home`, or set TMPDIR to a shorter folder."
    )


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= _PATH_BYTES_MAX


def _runtime_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())


def _private_folder(parent: Path) -> Path:
    folder = parent / f"twinsearch-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        held = folder.lstat()
    except OSError as error:
        raise EngineError(
            f"The folder {folder} for the engine's socket can't be made ({error.strerror}). "
            "Set XDG_RUNTIME_DIR or TMPDIR to a folder that you may write to."
        ) from error
    if not stat.S_ISDIR(held.st_mode) or held.st_uid != os.getuid() or held.st_mode & 0o077:
        raise EngineError(
            f"The folder {folder} for the engine's socket is not private: "
            "it must be a folder of your own with mode 0700. Remove it and try again."
        )
    return folder
