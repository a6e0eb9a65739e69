"""Finds the files below the given paths, in a stable order, before anything is read.

Only regular files: no hidden ones, no links that lead out of the root, no folder through a link.
Nothing is left out in silence: what has no reader is counted, what can't be listed is reported.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.cleaning import clean_line
from ingest.errors import ReadError, SourceNotFound

_BEIR_CORPUS = "corpus.jsonl"
_BEIR_QUESTIONS = ("queries.jsonl", "qrels")  # beside a corpus these are what evaluation reads, not documents


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read; `id` names it within its `root` and is what a person is shown."""

    path: Path
    id: str
    root: Path

    @property
    def origin(self) -> str:
        """The absolute path as text that can be stored."""
        return clean_line(str(self.path))


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder below `root` whose files can't be known."""

    root: Path
    error: ReadError


@dataclass(frozen=True, slots=True)
class Discovery:
    """What there is to read; `skipped_count` are files in folders for which there is no reader."""

    files: tuple[SourceFile, ...]
    unlisted: tuple[Unlisted, ...]
    skipped_count: int


def discover(paths: Sequence[Path], *, suffixes: Collection[str]) -> Discovery:
    """The files at and below the paths, each once, sorted within a root.

    A path that is a file itself is taken whatever its suffix is.

    Raises:
        SourceNotFound: A path doesn't exist; nothing was read.
    """
    roots = [_existing(path) for path in paths]
    unlisted: list[Unlisted] = []
    files: dict[Path, SourceFile] = {}
    skipped_count = 0
    for root in roots:
        for path in _files_at(root, unlisted):
            if path == root or path.suffix.lower() in suffixes:
                files.setdefault(path, SourceFile(path, _file_id(path, root), root))
            else:
                skipped_count += 1
    return Discovery(tuple(files.values()), tuple(unlisted), skipped_count)


def _existing(path: Path) -> Path:
    try:
        return path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, or no home for "~"
        raise SourceNotFound(f"There is no file or folder {str(path)!r}. Check the path.") from error


def _file_id(path: Path, root: Path) -> str:
    return clean_line((Path(root.name) / path.relative_to(root)).as_posix())


def _files_at(root: Path, unlisted: list[Unlisted]) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return

    def note(error: OSError) -> None:
        sentence = f"The folder {error.filename!r} can't be listed ({error.strerror}). Check its permissions."
        unlisted.append(Unlisted(root, ReadError(sentence)))

    for folder, folder_names, file_names in os.walk(root, onerror=note):
        aside = _BEIR_QUESTIONS if _BEIR_CORPUS in file_names else ()
        folder_names[:] = sorted(name for name in folder_names if _is_wanted(name, aside))
        paths = (Path(folder, name) for name in sorted(file_names) if _is_wanted(name, aside))
        yield from (path for path in paths if _is_regular_within(path, root))


def _is_wanted(name: str, aside: Collection[str]) -> bool:
    return not name.startswith(".") and name not in aside


def _is_regular_within(path: Path, root: Path) -> bool:
    if not path.is_file():  # a pipe, a device, a socket, a link to nowhere
        return False
    return not path.is_symlink() or path.resolve().is_relative_to(root)
