"""Packed files (Office, EPUB, ZIP) are looked over before anything in them is unpacked.

The declared sizes bind: the standard library unpacks no more of a member than its declared size.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.errors import ReadError, TooLarge
from ingest.limits import MEGABYTE
from ingest.readers.found import Opened

_RATIO_COUNTS_FROM = 32 * MEGABYTE  # less than that harms nobody, however well it is packed
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)


@contextmanager
def open_package(file: Opened) -> Iterator[zipfile.ZipFile]:
    """The members of a packed file that keeps within the limits; the stream is left at its start.

    Raises:
        ReadError: It is damaged, encrypted or goes beyond a limit.
    """
    try:
        with zipfile.ZipFile(file.stream) as package:
            _check(file, package.infolist())
            yield package
    except _BROKEN as error:
        raise ReadError(f"{file.id!r} is damaged: {str(error).rstrip('.') or type(error).__name__}.") from error
    finally:
        file.stream.seek(0)


def check_package(file: Opened) -> None:
    """Refuse a packed file that is damaged, encrypted or goes beyond a limit.

    Raises:
        ReadError: It is.
    """
    with open_package(file):
        pass


def check_sizes(file: Opened, *, members: int, unpacked: int, packed: int) -> None:
    """Refuse what unpacks to too much; sizes in bytes.

    Raises:
        TooLarge: There are too many members, or they are too large together or by the packed size.
    """
    limits = file.limits
    if members > limits.members:
        raise TooLarge(f"{file.id!r} has more than {limits.members:,} members. Raise the limit `members`.")
    if unpacked > limits.unpacked_bytes:
        raise TooLarge(
            f"{file.id!r} unpacks to more than {limits.unpacked_mb:,} MB. Unpack it, or raise the limit `unpacked_mb`."
        )
    if unpacked > _RATIO_COUNTS_FROM and unpacked > limits.ratio * max(packed, 1):
        raise TooLarge(
            f"{file.id!r} unpacks to more than {limits.ratio:,} times its size, as a bomb does. "
            "Raise the limit `ratio` if you know where it comes from."
        )


def read_member(file: Opened, package: zipfile.ZipFile, path: str) -> bytes:
    """One member, unpacked.

    Raises:
        ReadError: It isn't there.
    """
    try:
        return package.read(path)
    except KeyError as error:
        raise ReadError(f"{file.id!r} lacks its part {path!r}, so it is damaged. Save it again.") from error


def _check(file: Opened, infos: list[zipfile.ZipInfo]) -> None:
    check_sizes(
        file,
        members=len(infos),
        unpacked=sum(info.file_size for info in infos),
        packed=sum(info.compress_size for info in infos),
    )
    if infos and all(info.flag_bits & _ENCRYPTED for info in infos if not info.is_dir()):
        raise ReadError(f"{file.id!r} is encrypted. Save it without a password.")
