"""Finds the files below the given paths, in a stable order, before anything is read.

A path is a file, a folder, a pattern ("docs/**/*.pdf") or "@" and a file that lists paths.
Only regular files: no hidden ones, no links that lead out of the root, no folder through a link.
Nothing is left out in silence: what has no reader or isn't opened is counted, what can't be listed is reported.
"""

import codecs
import errno
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ingest.cleaning import clean_line, clean_path
from ingest.errors import ReadError, SourceNotFound, TooLarge
from ingest.limits import Limits

_BEIR_CORPUS = "corpus.jsonl"
_BEIR_QUESTIONS = ("queries.jsonl", "qrels")  # beside a corpus these are what evaluation reads, not documents
_PATTERN_SIGNS = frozenset("*?[")
LIST_SIGN = "@"  # of a file that lists paths
_BLOCK_BYTES = 1 << 20
_LINKED_FOLDER = "links to folders"
_HOME = "the home of Twinsearch"
_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read; `id` names it within its `root` and is what a person is shown."""

    path: Path
    id: str
    root: Path

    @property
    def origin(self) -> str:
        """The absolute path as text that can be stored."""
        return clean_path(str(self.path))


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder whose files can't be known."""

    folder: Path
    error: ReadError


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as the folder above all of its signs, and what the parts of a path below that must be like."""

    folder: Path
    parts: tuple[str, ...]

    def matches(self, path: Path) -> bool:
        """Whether a path below the folder is like that."""
        return path.is_relative_to(self.folder) and _matches(path.relative_to(self.folder).parts, self.parts)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What there is to read.

    `roots` are the files and folders below which everything was found, `patterns` those of which what matches was: what
    else is known of them has vanished. `empty` are those roots in which there is nothing at all.
    `skipped` counts what was left out of folders: files for which there is no reader, by how their names end; links and
    pipes, by what they are.
    """

    files: tuple[SourceFile, ...]
    unlisted: tuple[Unlisted, ...]
    roots: tuple[Path, ...]
    skipped: tuple[tuple[str, int], ...]
    patterns: tuple["Pattern", ...] = ()
    empty: tuple[Path, ...] = ()

    @property
    def skipped_count(self) -> int:
        """Files that were left out."""
        return sum(count for _, count in self.skipped)

    def matches(self, path: Path) -> bool:
        """Whether one of the patterns asks for the path."""
        return any(one.matches(path) for one in self.patterns)


def discover(paths: Sequence[Path], *, suffixes: Collection[str], home: Path | None = None) -> Discovery:
    """The files at and below the paths, each once, sorted within a root.

    A path that is a file itself is taken whatever its suffix is. Twinsearch's own `home`, an absolute path without
    links, is left out of the folders above it.

    Raises:
        SourceNotFound: A path doesn't exist, or a pattern matches nothing; nothing was read.
    """
    search = _Search(suffixes, home=home)
    for path in paths:
        search.add(path)
    return Discovery(
        files=tuple(search.files.values()),
        unlisted=tuple(search.unlisted),
        roots=tuple(sorted(set(search.roots))),
        skipped=tuple(sorted((+search.skipped).items())),
        patterns=tuple(search.patterns),
        empty=tuple(root for root in dict.fromkeys(search.roots) if _is_empty(root)),
    )


def require_paths(paths: Sequence[Path]) -> None:
    """Refuse what `discover` would, without going through folders but for the sake of a pattern.

    Raises:
        SourceNotFound: A path doesn't exist, or a pattern matches nothing.
    """
    search = _Search((), is_walking=False)
    for path in paths:
        search.add(path)


def suffix_of(name: str) -> str:
    """How a file's name ends, in lower case: ".md", ".tar.gz"; empty when it has no ending."""
    lower = name.lower()
    return ".tar.gz" if lower.endswith(".tar.gz") else PurePosixPath(lower).suffix


def spool(stream: BinaryIO, path: Path, limits: Limits) -> Path:
    """The path of a file into which the whole stream was written, such as standard input.

    Raises:
        TooLarge: It holds more than a file may; the file is removed.
    """
    written = 0
    with path.open("wb") as file:
        while block := stream.read(_BLOCK_BYTES):
            written += file.write(block)
            if written > limits.file_bytes:
                break
    if written > limits.file_bytes:
        path.unlink()
        raise TooLarge(
            f"The input is larger than {limits.file_mb:,} MB. Send it in parts, or raise the limit `file_mb`."
        )
    return path


@dataclass(slots=True)
class _Search:
    suffixes: Collection[str]
    home: Path | None = None
    is_walking: bool = True
    files: dict[Path, SourceFile] = field(default_factory=dict)
    unlisted: list[Unlisted] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, path: Path) -> None:
        """Take in what one given path stands for."""
        if path.name.startswith(LIST_SIGN) and path.name != LIST_SIGN and not _is_there(path):
            self._add_list(path.with_name(path.name.removeprefix(LIST_SIGN)))
        elif _PATTERN_SIGNS.intersection(str(path)) and not _is_there(path):
            self._add_pattern(path)
        else:
            self._add_root(_existing(path))

    def _add_root(self, root: Path) -> None:
        self.roots.append(root)
        if not self.is_walking:
            return
        for path in _files_at(root, self.unlisted, self.skipped, self.home):
            if path == root or suffix_of(path.name) in self.suffixes:
                self._take(path, root)
            else:
                self.skipped[suffix_of(path.name)] += 1

    def _add_pattern(self, pattern: Path) -> None:
        """Ids begin at the last folder that has no sign of a pattern in it or above it."""
        parts = _absolute(pattern).parts
        fixed = next(place for place, part in enumerate(parts) if _PATTERN_SIGNS.intersection(part))
        wanted = Pattern(_existing(Path(*parts[:fixed])), parts[fixed:])
        files = _files_at(wanted.folder, self.unlisted, Counter(), self.home)  # what doesn't match wasn't asked for
        found = [path for path in files if wanted.matches(path)]
        if not found:
            raise SourceNotFound(f"No file matches {str(pattern)!r}. Check the pattern; quote it from the shell.")
        self.patterns.append(wanted)
        for path in found:
            self._take(path, wanted.folder)

    def _add_list(self, listing: Path) -> None:
        """Each line is a path from the list's folder on; ids of files below that folder begin there."""
        listing = _existing(listing)
        content = _listed(listing).removeprefix(codecs.BOM_UTF8)
        lines = content.split(b"\0") if b"\0" in content else content.splitlines()
        for line in filter(bytes.strip, lines):
            path = _existing(listing.parent / os.fsdecode(line))
            if path.is_file() and path.is_relative_to(listing.parent):
                self._take(path, listing.parent)
                self.roots.append(path)
            else:
                self._add_root(path)

    def _take(self, path: Path, root: Path) -> None:
        self.files.setdefault(path, SourceFile(path, _file_id(path, root), root))


def _existing(path: Path) -> Path:
    try:
        return path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, or no home for "~"
        raise SourceNotFound(f"There is no file or folder {str(path)!r}. Check the path.") from error


def _listed(listing: Path) -> bytes:
    try:
        if listing.is_file():
            return listing.read_bytes()
        reason = "it is not a regular file"
    except OSError as error:
        reason = str(error.strerror)
    raise SourceNotFound(f"The list {str(listing)!r} can't be read: {reason}. Give a file with a path on each line.")


def _absolute(pattern: Path) -> Path:
    try:
        return pattern.expanduser().absolute()
    except RuntimeError as error:
        raise SourceNotFound(f"There is no home for {str(pattern)!r}. Check the path.") from error


def _is_there(path: Path) -> bool:
    try:
        return path.expanduser().exists()
    except (OSError, RuntimeError):  # a name that is longer than any, or nobody's home
        return False


def _is_empty(root: Path) -> bool:
    try:
        return root.is_dir() and next(root.iterdir(), None) is None
    except OSError:  # nobody can tell
        return False


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except PermissionError:  # in a folder that may be listed and not entered
        return False


def _file_id(path: Path, root: Path) -> str:
    return clean_line((Path(root.name) / path.relative_to(root)).as_posix())


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _files_at(root: Path, unlisted: list[Unlisted], skipped: Counter[str], home: Path | None) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return

    def note(error: OSError) -> None:
        sentence = f"The folder {error.filename!r} can't be listed ({error.strerror}). Check its permissions."
        unlisted.append(Unlisted(Path(error.filename), ReadError(sentence)))

    for folder, folder_names, file_names in os.walk(root, onerror=note):
        aside = _BEIR_QUESTIONS if _BEIR_CORPUS in file_names else ()
        for name in set(aside).intersection([*file_names, *folder_names]):
            skipped[f"{name} beside a corpus"] += 1
        folder_names[:] = sorted(name for name in folder_names if _is_wanted(name, aside))
        if home is not None and home.name in folder_names and home.parent == Path(folder):
            folder_names.remove(home.name)
            skipped[_HOME] += 1
        skipped[_LINKED_FOLDER] += sum(_is_link(Path(folder, name)) for name in folder_names)  # `walk` passes them by
        for path in (Path(folder, name) for name in sorted(file_names) if _is_wanted(name, aside)):
            if kind := _unopened(path, root):
                skipped[kind] += 1
            else:
                yield path


def _is_wanted(name: str, aside: Collection[str]) -> bool:
    return not name.startswith(".") and name not in aside


def _unopened(path: Path, root: Path) -> str:
    """Why a path isn't opened; empty for a regular file below the root, and for one that nobody may look at."""
    try:
        mode = path.stat().st_mode
    except OSError as error:  # where it isn't gone, reading it tells the reason: it is a failure and not left out
        return "links to nowhere" if error.errno in _NOWHERE else ""
    if not stat.S_ISREG(mode):
        return "pipes and devices"
    return "" if not path.is_symlink() or path.resolve().is_relative_to(root) else "links that lead out"
