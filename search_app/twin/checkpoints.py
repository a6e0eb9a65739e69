"""Checkpoints of one training run: complete, or as good as absent.

A checkpoint counts once all its files are on the disk and its seal is written after them; whatever has no seal was
cut off and is swept away. A folder of checkpoints belongs to one run: other settings, examples or another encoder
begin anew.
"""

import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from search_app.errors import TrainingError

TEACHER_FILE = "teacher.f32"
CURVE_FILE = "curve.jsonl"
_SEAL = "complete"
_IDENTITY = "run.txt"
_SECONDS = "seconds.txt"
_PREFIX = "checkpoint-"  # transformers names them so: checkpoint-<step>


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def complete_checkpoints(folder: Path) -> list[Path]:
    """The sealed checkpoints of a folder, oldest first."""
    return sorted((seal.parent for seal in folder.glob(f"{_PREFIX}*/{_SEAL}")), key=step_of)


def open_checkpoints(folder: Path, run: str) -> Path | None:
    """Makes the folder ready for a run and gives the newest checkpoint that the same run left there.

    Args:
        run: What the run is: a hash of everything that decides how it goes.

    Raises:
        TrainingError: The folder can't be written to.
    """
    identity = folder / _IDENTITY
    is_same_run = identity.is_file() and identity.read_text(encoding="utf-8") == run
    keep = complete_checkpoints(folder) if is_same_run else []
    if not is_same_run:
        clear(folder)
        _write_identity(identity, run)
    sweep(folder, keep)
    return keep[-1] if keep else None


def clear(folder: Path) -> None:
    """Remove all that a run has left there; what others keep in the folder stays."""
    sweep(folder, [])
    for name in (_IDENTITY, _SECONDS, TEACHER_FILE, CURVE_FILE):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # it doesn't exist, or isn't empty
        folder.rmdir()


def _write_identity(file: Path, run: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(run, encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"Checkpoints can't be written to {file.parent} ({error.strerror}); expected a folder with space. "
            "Free some and start the training again."
        ) from error


class Stopwatch:
    """The seconds that a run has taken, those of the processes before this one counted."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _SECONDS
        self._begun = time.monotonic()
        self._before = 0.0
        with suppress(OSError, ValueError):  # the first process of the run, or a file that a power cut emptied
            self._before = float(self._file.read_text(encoding="utf-8"))

    @property
    def seconds(self) -> float:
        """Up to now."""
        return self._before + time.monotonic() - self._begun

    def write(self) -> None:
        """Keep them for a process that goes on after this one."""
        with suppress(OSError):  # on a full disk a checkpoint will say so; a lost second is no reason to stop
            self._file.write_text(f"{self.seconds:.1f}", encoding="utf-8")


def seal(checkpoint: Path) -> None:
    """Flush a checkpoint's files to the disk and mark it complete."""
    for path in (*checkpoint.rglob("*"), checkpoint):
        _flush(path)
    (checkpoint / _SEAL).touch()
    for path in (checkpoint / _SEAL, checkpoint, checkpoint.parent):
        _flush(path)


def sweep(folder: Path, keep: Collection[Path]) -> None:
    """Remove all checkpoints but these; one that is being removed is no longer complete."""
    for checkpoint in folder.glob(f"{_PREFIX}*"):
        if checkpoint not in keep:
            (checkpoint / _SEAL).unlink(missing_ok=True)
            shutil.rmtree(checkpoint, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
