"""Opens a file only if it is regular, small enough and where it was found.

Nothing blocks on a pipe or a device, and no link leads out of the root, not even one that was swapped in since.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ingest.cleaning import iso_time
from ingest.errors import ReadError, TooLarge
from ingest.limits import Limits

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: Path, *, root: Path, shown: str, limits: Limits) -> tuple[BinaryIO, str | None]:
    """The open file, and when it was last changed, in ISO 8601; None where no calendar has that time.

    Args:
        path: Absolute; a link to a file below `root` is followed.
        root: The file itself, or a folder above it, without links.
        shown: What a person is told.
        limits: How large the file may be.

    Raises:
        ReadError: It can't be opened, or isn't what it was when it was found.
    """
    try:
        descriptor = os.open(path.resolve(strict=True), _FLAGS)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = error.strerror if isinstance(error, OSError) else "its links form a loop"
        raise ReadError(f"{shown!r} can't be opened: {reason}. Check its permissions.") from error
    try:
        status = os.fstat(descriptor)
        _check(descriptor, status, root, shown, limits)
    except ReadError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb"), iso_time(int(status.st_mtime))


def _check(descriptor: int, status: os.stat_result, root: Path, shown: str, limits: Limits) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ReadError(f"{shown!r} is not a regular file, but a pipe, a device or a folder.")
    if status.st_size > limits.file_bytes:
        raise TooLarge(f"{shown!r} is larger than {limits.file_mb:,} MB. Split it, or raise the limit `file_mb`.")
    actual = _path_of(descriptor)
    if actual is not None and not actual.is_relative_to(root):
        raise ReadError(f"{shown!r} leads out of {str(root)!r}. Give the path that it leads to.")


def _path_of(descriptor: int) -> Path | None:
    """Where the open file really lies; None where the system doesn't tell."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return None
