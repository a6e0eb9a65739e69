"""Gives each document an id of its own, and the same one in every run.

A document has the id that its table or its path gives it, unless a document of another file has that one: rows are
numbered from 1 in many tables, and many folders are called "docs". Then it is named by its table too, or by the path
of its file. An id stays with who has it as long as that file is there; a file that moved takes its ids along.
Only a corpus' `_id` is never changed, since judgements refer to it: one that another file has is refused.
"""

import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ingest.cleaning import paths_of
from ingest.discovery import SourceFile
from ingest.errors import IdTaken
from ingest.readers.found import Found
from ingest.seen import Seen
from ingest.sink import HeldDocument

_REMEMBERED_FILES = 1024


class Naming:
    """The ids of one ingest."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._is_gone = lru_cache(_REMEMBERED_FILES)(is_gone)

    def name(self, found: Found, file: SourceFile, held: Mapping[str, HeldDocument]) -> str:
        """The document's id, taken for it.

        Args:
            found: The document.
            file: Where it was found.
            held: What the sink holds under any of its `names_of`.

        Raises:
            IdTaken: Another document has its id, and it can have no other.
        """
        names, owner = names_of(found, file), f"{file.origin}\n{found.table}"
        own = [name for name in reversed(names) if name in held and held[name].origin == file.origin]
        free = [name for name in names if self._is_free(found, held.get(name))]
        other = ""
        for name in dict.fromkeys([*own, *free]):
            taken = self._seen.take(name, found.place, owner)
            if taken is None:
                return name
            other = taken.place
            if taken.owner == owner:
                break
        raise IdTaken(
            f"The document id {names[0]!r} of {found.place} is that of {other or repr(held[names[0]].origin)} already. "
            "Give each its own."
        )

    def _is_free(self, found: Found, before: HeldDocument | None) -> bool:
        """Whether no other file holds on to an id; a corpus' rows may move from file to file of one run."""
        if before is None or self._is_gone(before.origin):
            return True
        return found.has_fixed_id and self._seen.is_read(before.origin)


def names_of(found: Found, file: SourceFile) -> tuple[str, ...]:
    """The ids that a document may have, the wanted one first, the one that no other file can have last."""
    wanted = found.document.id
    if found.has_fixed_id:
        return (wanted,)
    if found.table:
        in_table = f"{found.table}#{wanted}"
        return wanted, in_table, by_path(file, in_table)
    return wanted, by_path(file, wanted)


def by_path(file: SourceFile, name: str) -> str:
    """A name that begins with the file's id, from the root of the file system on."""
    return file.origin + name.removeprefix(file.id)


def is_gone(origin: str) -> bool:
    """Whether there is certainly no file with this path."""
    return all(map(_is_absent, paths_of(origin)))


def _is_absent(path: str) -> bool:
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # nobody can tell
        return False
