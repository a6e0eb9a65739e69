"""What a teacher makes of the texts that a student learns from.

The teacher reads each text once, before training begins; its vectors lie in a file of the run, from which they are
taken batch by batch, so that memory doesn't grow with the texts. What is in the file after a kill is kept.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.progress import Progress, Report
from search_app.errors import TrainingError
from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.examples import Examples
from search_app.twin.layout import Kind
from search_app.twin.trainee import texts_by_kind

_TEXTS_AT_ONCE = 1024


class TeacherVectors:
    """The vectors of all texts of a run, unit rows, by text and kind."""

    def __init__(self, asked: Sequence[tuple[Kind, str]], vectors: NDArray[np.float32]) -> None:
        self._places = {one: place for place, one in enumerate(asked)}
        self._vectors = vectors

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        """What the teacher made of the texts, (len(texts), dim)."""
        return np.array(self._vectors[[self._places[kind, text] for text in texts]], dtype=np.float32)


def refuse_narrow_teacher(teacher: TwinEncoder, dim: int) -> None:
    """Raise TrainingError for a teacher with fewer dimensions than its student."""
    if teacher.dim < dim:
        raise TrainingError(
            f"The teacher {teacher.name!r} has {teacher.dim} dimensions and its student {dim}; expected at least as "
            "many. Choose another teacher, or a student with fewer dimensions."
        )


def ask_teacher(teacher: TwinEncoder, examples: Examples, file: Path, *, dim: int, report: Report) -> None:
    """Write the teacher's vectors of all texts, going on where a process before has stopped.

    Args:
        dim: Of the student; of a wider teacher the first ones are taken, made unit rows again.

    Raises:
        TrainingError: There is no space for them.
    """
    asked = _asked(examples)
    try:
        with file.open("r+b" if file.exists() else "w+b") as target:
            done = _kept_rows(file.stat().st_size // (4 * dim))
            target.truncate(4 * dim * done)
            target.seek(4 * dim * done)
            for start in range(done, len(asked), _TEXTS_AT_ONCE):
                report(Progress("teacher", start, len(asked), "texts"))
                target.write(_taught(teacher, asked[start : start + _TEXTS_AT_ONCE], dim).tobytes())
                target.flush()
                os.fsync(target.fileno())
    except OSError as error:
        raise TrainingError(
            f"The teacher's vectors can't be written to {file} ({error.strerror}). Free "
            f"{4 * dim * len(asked) / 1e6:,.0f} MB and start the training again."
        ) from error
    report(Progress("teacher", len(asked), len(asked), "texts"))


def open_taught(examples: Examples, file: Path, *, dim: int) -> TeacherVectors:
    """The vectors that `ask_teacher` wrote."""
    asked = _asked(examples)
    return TeacherVectors(asked, np.memmap(file, dtype=np.float32, mode="r", shape=(len(asked), dim)))


def _asked(examples: Examples) -> list[tuple[Kind, str]]:
    found = texts_by_kind((*examples.rows, *examples.held_out), examples.shape)
    return [(kind, text) for kind, texts in found.items() for text in texts]


def _kept_rows(count: int) -> int:
    """Rows that are surely on the disk: all blocks but the last one, which was begun when those were flushed."""
    return max(count - 1, 0) // _TEXTS_AT_ONCE * _TEXTS_AT_ONCE


def _taught(teacher: TwinEncoder, asked: Sequence[tuple[Kind, str]], dim: int) -> NDArray[np.float32]:
    parts = []
    for kind in dict.fromkeys(kind for kind, _ in asked):
        rows = teacher.encode([text for one, text in asked if one == kind], kind=kind)[:, :dim]
        parts.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return np.concatenate(parts)
