"""A filter as a person types it: `key=value`, `key!=v`, `key<=3`, `key in a,b`, `exists key`.

A value in quotes is text; without quotes it is a number or true or false if it looks like one, else text. For
the document's own fields (id, title, source, origin) it is always text. A key with a blank or an operator in
it goes in quotes.
"""

import json
import re
from typing import cast

from search_app.errors import FilterError
from search_app.filters.tree import DOCUMENT_FIELDS, Compare, Exists, Filter, FilterValue, In, Operator

_QUOTED = r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'"
_FIELD = rf"(?P<field>{_QUOTED}|[^\s=!<>\"',]+)"
_EXISTS = re.compile(rf"exists\s+{_FIELD}", re.DOTALL)
_IN = re.compile(rf"{_FIELD}\s+in\s+(?P<values>.+)", re.DOTALL)
_COMPARE = re.compile(rf"{_FIELD}\s*(?P<op>==|!=|<=|>=|=|<|>)\s*(?P<value>.*)", re.DOTALL)
_VALUE = re.compile(rf"\s*(?P<value>{_QUOTED}|[^,\"']*)\s*(?:,|\Z)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_FLAGS = {"true": True, "false": False}
_FORMS = "`key=value`, `key!=value`, `key<=3`, `key in a,b` or `exists key`"


def parse_where(text: str) -> Filter:
    """The filter that one condition stands for.

    Raises:
        FilterError: The text has none of the forms above.
    """
    stripped = text.strip()
    if found := _EXISTS.fullmatch(stripped):
        return Exists(_unquoted(found["field"]))
    if found := _IN.fullmatch(stripped):
        field = _unquoted(found["field"])
        return In(field, tuple(_typed(field, value, text) for value in _split(found["values"], text)))
    if found := _COMPARE.fullmatch(stripped):
        field = _unquoted(found["field"])
        op = "==" if found["op"] == "=" else found["op"]
        return Compare(field, cast(Operator, op), _typed(field, found["value"], text))
    raise _malformed(text)


def _split(values: str, text: str) -> list[str]:
    parts, position = [], 0
    while position < len(values):
        found = _VALUE.match(values, position)
        if found is None:
            raise _malformed(text)
        parts.append(found["value"])
        position = found.end()
    return parts + [""] * values.endswith(",")


def _typed(field: str, value: str, text: str) -> FilterValue:
    value = value.strip()
    if not value:
        raise FilterError(f'The filter {text!r} gives no value; write "" for an empty text.')
    if re.fullmatch(_QUOTED, value, re.DOTALL):
        return _unquoted(value)
    if field in DOCUMENT_FIELDS:
        return value
    if _INTEGER.fullmatch(value):
        return int(value)
    if _FLOAT.fullmatch(value):
        return float(value)
    return _FLAGS.get(value, value)


def _unquoted(value: str) -> str:
    if value[:1] not in {'"', "'"}:
        return value
    body = value[1:-1]
    if value[0] == "'":
        body = body.replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError as error:
        raise FilterError(
            f"The quoted text {value} can't be read: write a quote as \\\" and a backslash as \\\\."
        ) from error


def _malformed(text: str) -> FilterError:
    return FilterError(f"The filter {text!r} can't be read. Write {_FORMS}.")
