"""Tells the encoding of a text file, or that it isn't text.

UTF-8 is proven by reading the whole file in blocks; a byte order mark is believed; UTF-16 without one is told
by where its NUL bytes stand. What isn't UTF-8 throughout is looked at in a bounded sample around the first byte that
isn't: where more characters are right than wrong it was cut off or pasted into, and each wrong byte is read as U+FFFD;
everything else is guessed: by the letters of languages in Latin script, else by charset-normalizer.
"""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from ingest.errors import ReadError
from ingest.readers.found import Opened, check_length
from ingest.readers.latin import latin_encoding_of

_BLOCK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16  # guessing takes seconds for each megabyte
_BYTES_BEFORE = 256  # a long stretch of ASCII fits every encoding and misleads the guess
_NUL_SHARE = 0.4  # of every second byte: Latin text in UTF-16 has nearly all, binary formats have fewer
_MOST_BYTES_A_CHARACTER = 4
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(file: Opened) -> str:
    """The whole text of a file that is one document, line ends as they are.

    Raises:
        ReadError: The file is binary, in no encoding that can be told, or too long.
    """
    check_length(file, file.stream.seek(0, io.SEEK_END) // _MOST_BYTES_A_CHARACTER)
    file.stream.seek(0)
    text = decode(file)
    check_length(file, len(text))
    return text


def decode(file: Opened) -> str:
    """The whole text of a file, however long.

    Raises:
        ReadError: The file is binary, or in no encoding that can be told.
    """
    encoding = encoding_of(file)
    try:
        return file.stream.read().decode(encoding, _errors(encoding))
    except UnicodeDecodeError as error:
        raise undecodable(file, encoding) from error


def open_text(file: Opened, *, newline: str | None = None) -> io.TextIOWrapper:
    """The file as a stream of text; a part that isn't text raises UnicodeDecodeError when it is reached."""
    encoding = encoding_of(file)
    return io.TextIOWrapper(file.stream, encoding=encoding, errors=_errors(encoding), newline=newline)


def encoding_of(file: Opened) -> str:
    """The name of the codec that reads the file; the stream stands at its start again.

    Raises:
        ReadError: The file is binary, or in no encoding that can be told.
    """
    if wide := wide_encoding_of(file):
        return wide
    marked = _marked(file)
    try:
        sample = _first_not_utf8(file)
    finally:
        file.stream.seek(0)
    if marked is not None or sample is None or _is_damaged_utf8(sample):
        return marked or "utf-8"
    return _guess(file, sample)


def wide_encoding_of(file: Opened) -> str | None:
    """UTF-16 or UTF-32, with or without a mark; None for a file in which ASCII is ASCII."""
    head = file.stream.read(_SAMPLE_BYTES)
    file.stream.seek(0)
    marked = _marked(file)
    return _unmarked_utf16(head) if marked is None else marked.removeprefix("utf-8-sig") or None


def undecodable(file: Opened, encoding: str) -> ReadError:
    """The error for a file that `encoding` fits in its beginning only."""
    return ReadError(f"{file.id!r} looks like {encoding} but isn't throughout. Save it as UTF-8 and try again.")


def _marked(file: Opened) -> str | None:
    head = file.stream.read(max(map(len, _MARKS)))
    file.stream.seek(0)
    return next((codec for mark, codec in _MARKS.items() if head.startswith(mark)), None)


def _unmarked_utf16(head: bytes) -> str | None:
    for codec, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        high, low = head[first::2], head[1 - first :: 2]
        if high.count(0) > _NUL_SHARE * len(high) and 0 not in low:
            return codec
    return None


def _errors(encoding: str) -> str:
    """What becomes of wrong bytes: of a UTF-8 file they cost themselves, of all others the file."""
    return "replace" if encoding.startswith("utf-8") else "strict"


def _first_not_utf8(file: Opened) -> bytes | None:
    """What stands around the first byte that isn't UTF-8, if there is one."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(file.stream):
            if b"\0" in block:
                raise ReadError(f"{file.id!r} holds NUL bytes, so it isn't text. Convert it to text first.")
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        place = file.stream.tell() - len(error.object) + error.start
        file.stream.seek(max(place - _BYTES_BEFORE, 0))
        return file.stream.read(_SAMPLE_BYTES)
    return None


def _is_damaged_utf8(sample: bytes) -> bool:
    """Whether more characters beyond ASCII are UTF-8 than aren't: in other encodings next to none is by chance."""
    read = sample.decode("utf-8", "replace")
    beyond, wrong = sum(not sign.isascii() for sign in read), read.count("\ufffd")
    return beyond - wrong > wrong


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(_BLOCK_BYTES), b"")


def _guess(file: Opened, sample: bytes) -> str:
    if latin := latin_encoding_of(sample):
        return latin
    from charset_normalizer import from_bytes  # only the few files that aren't UTF-8 pay for it

    best = from_bytes(sample).best()
    if best is None:
        raise ReadError(f"{file.id!r} is in no encoding that can be told. Save it as UTF-8 and try again.")
    return best.encoding
