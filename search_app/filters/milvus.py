"""A filter in Milvus' words, the same for every Milvus.

The engines differ: Milvus Lite takes true for 1, knows no `in` over JSON and leaves a comparison with a missing key
undecided; Milvus 2.3 finds `!=` true for a missing key and lets `exists` stand only alone or negated. So a row stores
its metadata apart by kind ("text", "number", "flag"), negations are pushed down to the comparisons, and what comes
out is built of ordered comparisons, `and`, `or` and `(not exists …)`, on whose meaning all agree.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from search_app.filters.joining import joined
from search_app.filters.tree import (
    DOCUMENT_FIELDS,
    TEXT_MAX,
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
    metadata_field,
    metadata_key,
)

_KINDS: tuple[Kind, ...] = ("text", "number", "flag")
_INVERSE: Mapping[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER_STORED_MAX = 2**62  # larger ones don't fit 64 bits; no filter can name a number of that size
# Of a row's JSON, less what stands around the values: a server refuses one of more, and all that is sent with it.
_VALUES_BYTES_MAX = 65_536 - 100
_CHARACTER_BYTES_MAX = 6  # of one that JSON writes out
_NUMBER_CHARACTERS_MAX = 25
_JSON = json.JSONEncoder(ensure_ascii=False)  # made once: a table may have a thousand columns
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})

_Stored: TypeAlias = tuple[str, str, Any]  # the kind, "" for the document's own; key and value


def stored_fields(document_fields: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON field of a row, in the form that `to_milvus` asks it in; without the `unfit_fields`.

    Args:
        document_fields: document_id, title, source and origin, and under "metadata" the metadata.
    """
    stored: dict[str, Any] = {kind: {} for kind in _KINDS}
    values = _values(document_fields)
    unfit = _unfit(values)
    for kind, key, value in (value for field, value in values.items() if field not in unfit):
        (stored[kind] if kind else stored)[key] = value
    return stored


def unfit_fields(document_fields: Mapping[str, Any]) -> set[str]:
    """The fields, as `asked_fields` names them, for which a row has no room: the largest, until the others fit.

    Milvus can't run a filter that asks for one of them.
    """
    return _unfit(_values(document_fields))


def to_milvus(filter_: Filter) -> str:
    """The filter as a Milvus expression over the JSON field of `stored_fields`.

    Args:
        filter_: A filter that `check` lets pass.
    """
    return _expression(filter_, wanted=True)


def _expression(filter_: Filter, *, wanted: bool) -> str:
    """What is true exactly where `matches` gives `wanted`."""
    match filter_:
        case Compare(field, op, value):
            return _comparison(field, op, value) if wanted else _failed_comparison(field, op, value)
        case In(field, values):
            return _membership(field, values, wanted=wanted)
        case Exists(field):
            return _existence(field) if wanted else _absence(field)
        case And(parts_):
            return joined("and" if wanted else "or", [_expression(part, wanted=wanted) for part in parts_])
        case Or(parts_):
            return joined("or" if wanted else "and", [_expression(part, wanted=wanted) for part in parts_])
        case Not(part):
            return _expression(part, wanted=not wanted)


def string_literal(text: str) -> str:
    """A text as a quoted literal of Milvus' expressions."""
    return f'"{text.translate(_ESCAPES)}"'


def _comparison(field: str, op: Operator, value: FilterValue) -> str:
    """True where the key holds a value of this kind that compares so."""
    path, literal = _path(field, _kind(value)), _literal(value)
    if op != "!=":
        return f"({path} {op} {literal})"
    if isinstance(value, bool):
        return f"({path} == {_literal(not value)})"
    return f"({path} < {literal} or {path} > {literal})"


def _failed_comparison(field: str, op: Operator, value: FilterValue) -> str:
    """True where the key is missing among the values of this kind, or compares the other way."""
    other_way = _comparison(field, _INVERSE[op], value)
    if metadata_key(field) is None:
        return other_way  # a document has all its own fields
    return f"((not exists {_path(field, _kind(value))}) or {other_way})"


def _membership(field: str, values: tuple[FilterValue, ...], *, wanted: bool) -> str:
    """True where the value of the key is (not) among the values; each kind is asked where it lies."""
    parts = []
    for kind in _KINDS:
        asked = sorted({value for value in values if _kind(value) == kind})
        if asked:
            found = _search_tree(field, asked, "==" if wanted else "!=")
            missing = f"(not exists {_path(field, kind)})"
            always_there = wanted or metadata_key(field) is None
            parts.append(found if always_there else f"({missing} or {found})")
    return joined("or" if wanted else "and", parts)


def _search_tree(field: str, values: Sequence[FilterValue], op: Operator) -> str:
    """A comparison with the one of the sorted values that could be equal, found by halving them.

    Milvus Lite computes each row's part of an expression in Python: a thousand values take ten steps a row.
    """
    if len(values) == 1 or isinstance(values[0], bool):
        word = "or" if op == "==" else "and"
        return joined(word, [_comparison(field, op, value) for value in values])
    middle = len(values) // 2
    path, border = _path(field, _kind(values[0])), _literal(values[middle])
    below, above = (_search_tree(field, part, op) for part in (values[:middle], values[middle:]))
    return f"(({path} < {border} and {below}) or ({path} >= {border} and {above}))"


def _existence(field: str) -> str:
    text = f'({_path(field, "text")} >= "")'
    if metadata_key(field) is None:
        return text
    number, flag = _path(field, "number"), _path(field, "flag")
    return joined(
        "or",
        [text, f"({number} < 0.0 or {number} >= 0.0)", f"({flag} == true or {flag} == false)"],
    )


def _absence(field: str) -> str:
    if metadata_key(field) is None:
        return f'({_path(field, "text")} < "")'
    return joined("and", [f"(not exists {_path(field, kind)})" for kind in _KINDS])


def _kind(value: FilterValue) -> Kind:
    return kind_of(value) or "number"


def _path(field: str, kind: Kind) -> str:
    key = metadata_key(field)
    if key is None:
        return f'fields["{DOCUMENT_FIELDS[field]}"]'
    return f'fields["{kind}"]["{_stored_key(key)}"]'


def _stored_key(key: str) -> str:
    """Old servers cut paths at brackets and quotes: any unusual key is stored as its bytes in hex."""
    return key if _PLAIN_KEY.fullmatch(key) else f"0x{key.encode('utf-8', 'surrogatepass').hex()}"


def _stored(value: Any) -> Any:
    """The value as JSON in UTF-8 and 64 bits can hold it; of a text as much as any filter can tell from another."""
    if isinstance(value, str):
        return value[: TEXT_MAX + 1].encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool) or abs(value) <= _NUMBER_STORED_MAX:
        return value
    return _NUMBER_STORED_MAX if value > 0 else -_NUMBER_STORED_MAX


def _values(document_fields: Mapping[str, Any]) -> dict[str, _Stored]:
    """What is stored of each field, by the field's name."""
    own = {field: ("", name, _stored(document_fields.get(name, ""))) for field, name in DOCUMENT_FIELDS.items()}
    kinds = ((key, kind_of(value), value) for key, value in document_fields.get("metadata", {}).items())
    return own | {metadata_field(key): (kind, _stored_key(key), _stored(value)) for key, kind, value in kinds if kind}


def _unfit(values: Mapping[str, _Stored]) -> set[str]:
    if sum(_most_bytes(key, value) for _, key, value in values.values()) <= _VALUES_BYTES_MAX:
        return set()
    sizes = {field: _bytes(key) + _bytes(value) + 2 for field, (_, key, value) in values.items()}
    unfit, size = set(), sum(sizes.values())
    for field in sorted(sizes, key=lambda field: (-sizes[field], field)):
        if size <= _VALUES_BYTES_MAX:
            break
        unfit.add(field)
        size -= sizes[field]
    return unfit


def _most_bytes(key: str, value: FilterValue) -> int:
    """At least as many bytes as key and value take in JSON; told sooner than these."""
    return _CHARACTER_BYTES_MAX * (len(key) + 1 + (len(value) if isinstance(value, str) else _NUMBER_CHARACTERS_MAX))


def _bytes(value: FilterValue) -> int:
    return len(_JSON.encode(value).encode())


def _literal(value: FilterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string_literal(value)
    return repr(float(value))
