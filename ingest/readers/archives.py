"""ZIP and TAR: each file in them is read as if it lay in a folder of the archive's name; nothing is written to disk.

Links, devices and hidden files are passed over; a path can't lead out of the archive's name.
"""

import tarfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from ingest.cleaning import clean_line, iso_time
from ingest.errors import ReadError, TooLarge
from ingest.readers.found import Member, Opened
from ingest.readers.packages import check_sizes, open_package

_HIDDEN_FOLDERS = {"__MACOSX"}
_ENCRYPTED = 0x1
_UTF8 = 0x800


def read_zip(file: Opened) -> Iterator[Member]:
    """Each file of the archive, unpacked when it is asked for."""
    with open_package(file) as package:
        for number, info in enumerate(package.infolist()):
            if info.is_dir() or not (path := inner_path(_name_of(info))):
                continue

            yield Member(number, path, _packed_at(info.date_time), partial(_unzip, file, package, info))


def read_tar(file: Opened) -> Iterator[Member]:
    """Each file of the archive, in one pass."""
    counted = _Counted(file)
    try:
        with tarfile.open(fileobj=cast(IO[bytes], counted), mode="r|*") as archive:
            for number, info in enumerate(archive):
                archive.members = []  # type: ignore[attr-defined]  # else it remembers every member it has seen
                check_sizes(file, members=number + 1, unpacked=archive.offset, packed=counted.read_count)
                if info.isreg() and (path := inner_path(info.name)):
                    yield Member(number, path, iso_time(info.mtime), partial(_load, file, archive, info))
    except (tarfile.TarError, EOFError) as error:
        raise ReadError(f"{file.id!r} isn't a readable TAR archive: {str(error).rstrip('.')}.") from error


def inner_path(name: str) -> str:
    """The member's path below the archive; empty for one that isn't wanted."""
    parts = [clean_line(part) for part in PurePosixPath(name.replace("\\", "/")).parts]
    kept = [part for part in parts if part not in {"", "/", ".", ".."}]
    is_hidden = any(part.startswith(".") or part in _HIDDEN_FOLDERS for part in kept)
    return "" if is_hidden else "/".join(kept)


def _name_of(info: zipfile.ZipInfo) -> str:
    """The member's name; macOS writes it in UTF-8 without saying so."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _unzip(file: Opened, package: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise ReadError(f"{info.filename!r} in {file.id!r} is encrypted. Pack it without a password.")
    _check_member(file, info.filename, info.file_size)
    return package.read(info)


def _packed_at(parts: tuple[int, int, int, int, int, int]) -> str | None:
    try:
        return datetime(*parts).isoformat()
    except ValueError:  # a month 0 is how some packers say that they don't know
        return None


class _Counted:
    """The file's stream, with a count of what was read of it."""

    def __init__(self, file: Opened) -> None:
        self._stream: BinaryIO = file.stream
        self.read_count = 0

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        self.read_count += len(block)
        return block


def _load(file: Opened, archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    _check_member(file, info.name, info.size)
    stream = archive.extractfile(info)
    return b"" if stream is None else stream.read()


def _check_member(file: Opened, name: str, size: int) -> None:
    if size > file.limits.file_bytes:
        raise TooLarge(
            f"{name!r} in {file.id!r} is larger than {file.limits.file_mb:,} MB. Split it, or raise `file_mb`."
        )
