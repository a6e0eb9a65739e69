"""The records a filter is made of, and what they mean.

A comparison matches a value of its own kind only: text, number or flag. A missing field, a None, a NaN and a
value of another kind match no comparison, `!=` included; `Not` is plain negation, so it matches exactly those
that its part doesn't. The fields id, title, source and origin belong to the document; every other name is
metadata, and so is `metadata.x` for a name x that is taken.
"""

import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from search_app.errors import FilterError

FilterValue: TypeAlias = str | int | float | bool
Operator = Literal["==", "!=", "<", "<=", ">", ">="]
Kind = Literal["text", "number", "flag"]

DOCUMENT_FIELDS = {"id": "document_id", "title": "title", "source": "source", "origin": "origin"}
_METADATA = "metadata."

NESTING_MAX = 20
TEXT_MAX = 8_192  # characters of a value

_VALUES_MAX = 5_000
_NUMBER_BOUND = 2**53  # beyond it, a server that computes in doubles confuses neighbouring integers

_KINDS: Mapping[str, "Kind"] = {"str": "text", "int": "number", "float": "number", "bool": "flag"}  # of Python's types
_OPERATORS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


_REMEDIES: Mapping[Kind, str] = {
    "text": "A text goes in quotes; a date is written as 2024-03-01 or 2024-03.",
    "number": "Compare it with a number, without quotes.",
    "flag": "Compare it with true or false, without quotes.",
}


@dataclass(frozen=True, slots=True)
class Compare:
    """The field's value stands in this relation to `value`."""

    field: str
    op: Operator
    value: FilterValue


@dataclass(frozen=True, slots=True)
class In:
    """The field's value equals one of `values`."""

    field: str
    values: tuple[FilterValue, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The document has the field."""

    field: str


@dataclass(frozen=True, slots=True)
class And:
    """All parts match."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part matches."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not match."""

    part: "Filter"


Filter: TypeAlias = Compare | In | Exists | And | Or | Not


def kind_of(value: object) -> Kind | None:
    """Which comparisons the value takes part in; None for none at all."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return None if math.isnan(value) else "number"
    return "text" if isinstance(value, str) else None


def metadata_key(field: str) -> str | None:
    """The metadata key that a field's name stands for; None for a field of the document itself."""
    return None if field in DOCUMENT_FIELDS else field.removeprefix(_METADATA)


def metadata_field(key: str) -> str:
    """The name of the metadata key as a field that is surely not the document's own."""
    return f"{_METADATA}{key}"


def asked_fields(filter_: Filter) -> set[str]:
    """The fields that the filter asks for; metadata in the form of `metadata_field`."""
    match filter_:
        case Compare(field) | In(field) | Exists(field):
            key = metadata_key(field)
            return {field if key is None else metadata_field(key)}
        case And(parts) | Or(parts):
            return {field for part in parts for field in asked_fields(part)}
        case Not(part):
            return asked_fields(part)


def matches(filter_: Filter, document_fields: Mapping[str, Any]) -> bool:
    """Whether a document matches: the meaning that every compilation has to reproduce.

    Args:
        filter_: A filter that `check` lets pass.
        document_fields: document_id, title, source and origin, and under "metadata" the metadata.
    """
    match filter_:
        case Compare(field, op, value):
            held = _value(field, document_fields)
            return kind_of(held) == kind_of(value) and _OPERATORS[op](held, value)
        case In(field, values):
            return any(matches(Compare(field, "==", value), document_fields) for value in values)
        case Exists(field):
            return kind_of(_value(field, document_fields)) is not None
        case And(parts):
            return all(matches(part, document_fields) for part in parts)
        case Or(parts):
            return any(matches(part, document_fields) for part in parts)
        case Not(part):
            return not matches(part, document_fields)


def _value(field: str, document_fields: Mapping[str, Any]) -> object:
    key = metadata_key(field)
    if key is None:
        return document_fields.get(DOCUMENT_FIELDS[field])
    return document_fields.get("metadata", {}).get(key)


def check(filter_: Filter, known_fields: Mapping[str, Collection[str]]) -> None:
    """Let a filter pass that can be meant and can be run.

    Args:
        filter_: The filter.
        known_fields: The metadata keys that the collection has, each with the names of the Python types that its values
            ever had; the document's own fields need not be named.

    Raises:
        FilterError: An unknown field, a value of the wrong type, or too much of something.
    """
    _check(filter_, known_fields, NESTING_MAX)


def _check(filter_: Filter, known: Mapping[str, Collection[str]], levels_left: int) -> None:
    match filter_:
        case Compare(field, op, value):
            _check_field(field, known)
            _check_value(field, op, value)
            _check_kind(field, value, known)
        case In(field, values):
            _check_field(field, known)
            _check_count(len(values), f"values for {field!r}")
            for value in values:
                _check_value(field, "==", value)
                _check_kind(field, value, known)
        case Exists(field):
            _check_field(field, known)
        case And(parts) | Or(parts):
            _check_count(len(parts), "conditions")
            for part in parts:
                _check(part, known, _one_deeper(levels_left))
        case Not(part):
            _check(part, known, _one_deeper(levels_left))


def too_deep() -> FilterError:
    """What a filter is told that has more than NESTING_MAX levels."""
    return FilterError(f"The filter is nested more than {NESTING_MAX} levels deep. Write it with fewer levels.")


def _one_deeper(levels_left: int) -> int:
    if levels_left == 0:
        raise too_deep()
    return levels_left - 1


def _check_count(count: int, what: str) -> None:
    if not 1 <= count <= _VALUES_MAX:
        raise FilterError(f"The filter gives {count:,} {what}; it can give 1 to {_VALUES_MAX:,}.")


def _check_field(field: str, known: Collection[str]) -> None:
    key = metadata_key(field)
    if key is None or key in known:
        return
    names = ", ".join([*DOCUMENT_FIELDS, *sorted(known)])
    raise FilterError(f"No document has a field {key!r}. The fields are: {names}.")


def _check_kind(field: str, value: FilterValue, known: Mapping[str, Collection[str]]) -> None:
    """Refuse a comparison that can't match: the field never held a value of this kind, but others."""
    key = metadata_key(field)
    held = [] if key is None else [kind for kind in _REMEDIES if kind in {_KINDS.get(name) for name in known[key]}]
    if held and kind_of(value) not in held:
        holds = " or ".join(f"{kind}s" for kind in held)
        raise FilterError(
            f"The field {key!r} holds {holds}, so it can't be compared with {value!r}. {_REMEDIES[held[0]]}"
        )


def _check_value(field: str, op: Operator, value: FilterValue) -> None:
    kind = kind_of(value)
    if op not in _OPERATORS:
        raise FilterError(f"There is no comparison {op!r}; use one of {' '.join(_OPERATORS)}.")
    if metadata_key(field) is None and kind != "text":
        raise FilterError(f"The field {field} holds text, so it can't be compared with {value!r}.")
    if kind == "flag" and op not in {"==", "!="}:
        raise FilterError(f"{field} {op} {value!r} can't be: true and false have no order, use == or !=.")
    if isinstance(value, str):
        _check_text(field, value)
    elif kind is None or abs(value) >= _NUMBER_BOUND:
        raise FilterError(f"{field} can't be compared with {value!r}: a number lies between -2^53 and 2^53.")


def _check_text(field: str, value: str) -> None:
    if len(value) > TEXT_MAX:
        raise FilterError(f"The text for {field} has {len(value):,} characters; it can have up to {TEXT_MAX:,}.")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise FilterError(f"The text for {field} holds a character that no document can hold: {value!a}.")
