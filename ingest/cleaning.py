"""What text looks like after it was read: NFC, line ends as newlines, nothing that can't be stored or shown.

Cleaning twice gives what cleaning once gave. All offsets in Twinsearch are offsets into cleaned text.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping

from ingest.documents import MetadataValue

_LINE_END = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Control characters other than newline and tab, lone surrogates, byte order marks.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_INT64 = range(-(2**63), 2**63)  # what Milvus and SQLite can hold as a number


def clean_text(text: str) -> str:
    """The text in NFC, without control characters; at most one blank line in a row, none around it."""
    text = _UNWANTED.sub("", _LINE_END.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def clean_line(text: str) -> str:
    """Cleaned text on one line: what titles, headings, ids and paths are."""
    return " ".join(clean_text(text).split())


def clean_metadata(values: Mapping[str, object]) -> dict[str, MetadataValue]:
    """Each value as a scalar: NaN and infinity become None, what has parts becomes JSON text."""
    return {clean_line(name): _scalar(value) for name, value in values.items()}


def _scalar(value: object) -> MetadataValue:
    match value:
        case None | bool():
            return value
        case str():
            return clean_text(value)
        case int():
            return value if value in _INT64 else str(value)
        case float():
            return value if math.isfinite(value) else None
        case dict() | list() | tuple():
            return clean_text(json.dumps(value, ensure_ascii=False, default=str))
        case _:
            return clean_text(str(value))  # dates, decimals, and what else a table can hold
