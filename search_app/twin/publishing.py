"""Gives a folder that was written aside its name, in one step for whoever looks, and for good when the power fails."""

import os
from pathlib import Path


def publish(aside: Path, folder: Path) -> None:
    """Flushes everything below `aside` to the disk and renames it to `folder`, beside it; readable by all."""
    aside.chmod(0o755)
    for path in [*aside.rglob("*"), aside]:
        _flush(path)
    aside.rename(folder)
    _flush(folder.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
