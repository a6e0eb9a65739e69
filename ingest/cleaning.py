"""What text looks like after it was read: NFC, line ends as newlines, nothing that can't be stored or shown.

Cleaning twice gives what cleaning once gave. All offsets in Twinsearch are offsets into cleaned text.
"""

import json
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count

from ingest.documents import MetadataValue

_LINE_END = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Control characters other than newline and tab, lone surrogates, byte order marks.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")
_WRITTEN_OUT = re.compile(r"\\u([0-9a-f]{4})")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_INT64 = range(-(2**63), 2**63)  # what Milvus and SQLite can hold as a number


def clean_text(text: str) -> str:
    """The text in NFC, without control characters; at most one blank line in a row, none around it."""
    text = _UNWANTED.sub("", _LINE_END.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def clean_line(text: str) -> str:
    """Cleaned text on one line: what titles, headings and ids are."""
    return " ".join(clean_text(text).split())


def clean_path(path: str) -> str:
    """A path as it is, so that it leads back to its file; what can't be stored or shown is written out, as u000a."""
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", path)


def paths_of(cleaned: str) -> tuple[str, ...]:
    """The paths that a cleaned path may stand for."""
    return tuple({cleaned, _WRITTEN_OUT.sub(lambda found: chr(int(found[1], 16)), cleaned)})


def iso_time(seconds: float) -> str | None:
    """The time in ISO 8601, UTC; None where no calendar has it, as in a tampered or damaged archive."""
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def clean_metadata(values: Mapping[str, object]) -> dict[str, MetadataValue]:
    """Each value as a scalar: NaN and infinity become None, what has parts becomes JSON text.

    Of names that are the same once they are cleaned, the second gets a number: "Name (2)".
    """
    cleaned: dict[str, MetadataValue] = {}
    for name, value in values.items():
        own = _clean_name(name)
        cleaned[own if own not in cleaned else _numbered(own, cleaned)] = _scalar(value)
    return cleaned


def clean_cell(value: object) -> str:
    """The value as text that people read: nothing for None, a time with a blank before it."""
    scalar = _scalar(str(value) if isinstance(value, datetime) else value)
    return "" if scalar is None else str(scalar)


@lru_cache(1 << 14)
def _clean_name(name: str) -> str:
    """The same columns come with each row of a table."""
    return clean_line(name)


def _numbered(name: str, taken: Collection[str]) -> str:
    return next(other for number in count(2) if (other := f"{name} ({number})".strip()) not in taken)


def _scalar(value: object) -> MetadataValue:
    match value:
        case None | bool() | "":
            return value
        case str():
            return clean_text(value)
        case int():
            return value if value in _INT64 else str(value)
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return value.isoformat()  # as filters ask for it
        case dict() | list() | tuple():
            return clean_text(json.dumps(value, ensure_ascii=False, default=str))
        case _:
            return clean_text(str(value))  # dates, decimals, and what else a table can hold
