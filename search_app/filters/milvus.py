"""A filter in Milvus' words.

Milvus' JSON comparisons differ from ours and from each other: Milvus Lite takes true for 1, and the engines
disagree on a missing key. So a row stores its metadata apart by kind ("text", "number", "flag"), and a
comparison asks only where its own kind lies, after asking whether the key is there. Both engines then give
what `matches` gives.
"""

import re
from collections.abc import Mapping
from typing import Any

from search_app.filters.tree import (
    DOCUMENT_FIELDS,
    And,
    Compare,
    Exists,
    Filter,
    FilterValue,
    In,
    Kind,
    Not,
    Operator,
    Or,
    kind_of,
    metadata_key,
)

_KINDS: tuple[Kind, ...] = ("text", "number", "flag")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER_STORED_MAX = 2**62  # larger ones don't fit 64 bits; no filter can name a number of that size
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def stored_fields(document_fields: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON field of a row, in the form that `to_milvus` asks it in.

    Args:
        document_fields: document_id, title, source and origin, and under "metadata" the metadata.
    """
    apart: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    for key, value in document_fields.get("metadata", {}).items():
        kind = kind_of(value)
        if kind is not None:
            apart[kind][_stored_key(key)] = _stored(value)
    return {name: _stored(document_fields.get(name, "")) for name in DOCUMENT_FIELDS.values()} | apart


def to_milvus(filter_: Filter) -> str:
    """The filter as a Milvus expression over the JSON field of `stored_fields`.

    Args:
        filter_: A filter that `check` lets pass.
    """
    match filter_:
        case Compare(field, op, value):
            return _comparison(field, op, value)
        case In(field, values):
            return _membership(field, values)
        case Exists(field):
            return _joined("or", [f"exists {path}" for path in _paths(field)])
        case And(parts):
            return _joined("and", [to_milvus(part) for part in parts])
        case Or(parts):
            return _joined("or", [to_milvus(part) for part in parts])
        case Not(part):
            return f"(not {to_milvus(part)})"


def string_literal(text: str) -> str:
    """A text as a quoted literal of Milvus' expressions."""
    return f'"{text.translate(_ESCAPES)}"'


def _comparison(field: str, op: Operator, value: FilterValue) -> str:
    path = _path(field, _kind(value))
    return f"(exists {path} and {path} {op} {_literal(value)})"


def _membership(field: str, values: tuple[FilterValue, ...]) -> str:
    """One list a kind: Milvus' lists hold one type."""
    parts = []
    for kind in _KINDS:
        literals = [_literal(value) for value in values if _kind(value) == kind]
        path = _path(field, kind)
        if kind == "flag":
            parts += [f"(exists {path} and {path} == {literal})" for literal in literals]
        elif literals:
            parts.append(f"(exists {path} and {path} in [{', '.join(literals)}])")
    return _joined("or", parts)


def _joined(word: str, parts: list[str]) -> str:
    return f"({f' {word} '.join(parts)})"


def _kind(value: FilterValue) -> Kind:
    return kind_of(value) or "number"


def _paths(field: str) -> list[str]:
    if metadata_key(field) is None:
        return [_path(field, "text")]
    return [_path(field, kind) for kind in _KINDS]


def _path(field: str, kind: Kind) -> str:
    key = metadata_key(field)
    if key is None:
        return f'fields["{DOCUMENT_FIELDS[field]}"]'
    return f'fields["{kind}"]["{_stored_key(key)}"]'


def _stored_key(key: str) -> str:
    """Old servers cut paths at brackets and quotes: any unusual key is stored as its bytes in hex."""
    return key if _PLAIN_KEY.fullmatch(key) else f"0x{key.encode('utf-8', 'surrogatepass').hex()}"


def _stored(value: Any) -> Any:
    """The value as JSON in UTF-8 and 64 bits can hold it."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool) or abs(value) <= _NUMBER_STORED_MAX:
        return value
    return _NUMBER_STORED_MAX if value > 0 else -_NUMBER_STORED_MAX


def _literal(value: FilterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string_literal(value)
    return repr(float(value))  # as a float, so that one list never mixes two number types
