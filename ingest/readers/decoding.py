"""Tells the encoding of a text file, or that it isn't text.

UTF-8 is proven by reading the whole file in blocks; a byte order mark is believed; only what is neither is
guessed, from a bounded sample around the first byte that isn't UTF-8.
"""

import codecs
from pathlib import Path

from ingest.errors import ReadError

_BLOCK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16  # guessing takes seconds for each megabyte
_BYTES_BEFORE = 256  # a long stretch of ASCII fits every encoding and misleads the guess
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> str:
    """The whole text of the file, line ends as they are.

    Raises:
        ReadError: The file is binary, or in no encoding that can be told.
    """
    encoding = encoding_of(path)
    try:
        return path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        raise undecodable(path, encoding) from error


def encoding_of(path: Path) -> str:
    """The name of the codec that reads the file.

    Raises:
        ReadError: The file is binary, or in no encoding that can be told.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    marked = next((codec for mark, codec in _MARKS.items() if head.startswith(mark)), None)
    if marked is not None and marked != "utf-8-sig":
        return marked
    sample = _first_not_utf8(path)
    return (marked or "utf-8") if sample is None else _guess(path, sample)


def undecodable(path: Path, encoding: str) -> ReadError:
    """The error for a file that `encoding` fits in its beginning only."""
    return ReadError(f"{path.name!r} looks like {encoding} but isn't throughout. Save it as UTF-8 and try again.")


def _first_not_utf8(path: Path) -> bytes | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                if b"\0" in block:
                    raise ReadError(f"{path.name!r} holds NUL bytes, so it isn't text. Convert it to text first.")
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return error.object[max(error.start - _BYTES_BEFORE, 0) :][:_SAMPLE_BYTES]
    return None


def _guess(path: Path, sample: bytes) -> str:
    from charset_normalizer import from_bytes  # only the few files that aren't UTF-8 pay for it

    best = from_bytes(sample).best()
    if best is None:
        raise ReadError(f"{path.name!r} is in no encoding that can be told. Save it as UTF-8 and try again.")
    return best.encoding
