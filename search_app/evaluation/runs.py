"""What a run is called, and who answers for it.

dense, lexical, hybrid     a mode of the live generation
2, 2:dense                 a generation by its number, in the collection's own mode or in this one
ENCODER, ENCODER:dense     the newest generation that this encoder filled
runs/bm25.trec             a run file of TREC: any path of a file that is there

A mode comes first, then a file, then what stands before a colon.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search_app.catalog.generations import Generation, GenerationState
from search_app.errors import UsageError
from search_app.retrieval import Mode

_GONE = (GenerationState.BUILDING, GenerationState.DROPPED)


@dataclass(frozen=True, slots=True)
class SearchedRun:
    """A generation by its number (None: the live one) and a mode (None: the collection's own)."""

    generation: int | None = None
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class FileRun:
    """A run file of TREC."""

    path: Path


def parse_run(name: str, generations: Sequence[Generation]) -> SearchedRun | FileRun:
    """What a name stands for.

    Args:
        name: As a person spells it.
        generations: Those of the collection.

    Raises:
        UsageError: It stands for nothing.
    """
    if name in set(Mode):
        return SearchedRun(mode=Mode(name))
    if Path(name).is_file():
        return FileRun(Path(name))
    who, colon, mode = name.rpartition(":")
    if colon and mode in set(Mode):
        return SearchedRun(_number_of(who, name, generations), Mode(mode))
    return SearchedRun(_number_of(name, name, generations))


def _number_of(who: str, name: str, generations: Sequence[Generation]) -> int:
    there = [one for one in generations if one.state not in _GONE]
    numbers = [one.number for one in there if who in (str(one.number), one.encoder_name)]
    if numbers:
        return max(numbers)
    known = ", ".join(f"{one.number} ({one.encoder_name})" for one in there)
    raise UsageError(
        f"{name!r} is no run: no mode ({', '.join(Mode)}), no run file that is there, and no generation or encoder of "
        f"the collection, which has {known}. Add a mode behind a colon, as in 2:dense."
    )
