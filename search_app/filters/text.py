"""A filter as a person types it.

    key=value   key!=v   key<3   key<=3   key>3   key>=3   key in a,b   key between 1 and 5   exists key
    a and b     a or b   not a   (a or b) and c

`and` binds closer than `or`. A value in quotes is text; without quotes it is a number, true or false, or a date if it
looks like one, else text up to the next `and`, `or` or closing parenthesis. For the document's own fields (id,
title, source, origin) it is always text. A key with a blank or an operator in it goes in quotes.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from search_app.errors import FilterError
from search_app.filters.dates import between, dated, is_date
from search_app.filters.tree import (
    DOCUMENT_FIELDS,
    NESTING_MAX,
    And,
    Compare,
    Exists,
    Filter,
    FilterValue,
    In,
    Not,
    Operator,
    Or,
    too_deep,
)

_QUOTED = r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'"
_FIELD = rf"(?P<field>{_QUOTED}|[^\s=!<>\"',()]+)"
_ANYWHERE = re.DOTALL | re.IGNORECASE
_EXISTS = re.compile(rf"exists\s+{_FIELD}", _ANYWHERE)
_IN = re.compile(rf"{_FIELD}\s+in(?=[\s(])", _ANYWHERE)
_BETWEEN = re.compile(rf"{_FIELD}\s+between(?=\s)", _ANYWHERE)
_COMPARE = re.compile(rf"{_FIELD}\s*(?P<op>==|!=|<=|>=|=|<|>)", _ANYWHERE)
_TEXT = re.compile(_QUOTED, _ANYWHERE)
_NOT = re.compile(r"not(?=[\s(])", _ANYWHERE)
_AND, _OR = (re.compile(rf"{word}(?=[\s(]|\Z)", _ANYWHERE) for word in ("and", "or"))
_JOINING = re.compile(r"\s+(?:and|or)(?=[\s(]|\Z)", _ANYWHERE)
_BLANK = re.compile(r"\s*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_FLAGS = {"true": True, "false": False}
_FORMS = (
    "`key=value`, `key!=value`, `key<=3`, `key in a,b`, `key between 1 and 5` or `exists key`, joined by `and`, `or`, "
    "`not` and parentheses; a value with these in it goes in quotes"
)
_SHOWN_CHARACTERS = 60


def parse_where(text: str) -> Filter:
    """The filter that a text stands for.

    Raises:
        FilterError: The text has none of the forms above, or parentheses within more than NESTING_MAX others.
    """
    return _Reader(text).whole()


@dataclass(slots=True)
class _Written:
    """A value as it was written, and whether it stood in quotes."""

    text: str
    is_quoted: bool


class _Reader:
    """Reads a text from left to right; `_at` is where it has come to."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._levels_left = NESTING_MAX

    def whole(self) -> Filter:
        """The filter that all of the text stands for."""
        filter_ = self._either()
        if self._rest():
            raise self._malformed()
        return filter_

    def _either(self) -> Filter:
        parts = self._joined(_OR, self._every)
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _every(self) -> Filter:
        parts = self._joined(_AND, self._one)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _joined(self, word: re.Pattern[str], part: Callable[[], Filter]) -> list[Filter]:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts

    def _one(self) -> Filter:
        if self._take(_NOT):
            return Not(self._deeper(self._one))
        if not self._take_sign("("):
            return self._condition()
        inner = self._deeper(self._either)
        if not self._take_sign(")"):
            raise self._malformed()
        return inner

    def _deeper(self, part: Callable[[], Filter]) -> Filter:
        if self._levels_left == 0:
            raise too_deep()
        self._levels_left -= 1
        inner = part()
        self._levels_left += 1
        return inner

    def _condition(self) -> Filter:
        if found := self._take(_EXISTS):
            return Exists(_unquoted(found["field"]))
        if found := self._take(_IN):
            return self._membership(_unquoted(found["field"]))
        if found := self._take(_BETWEEN):
            return self._range(_unquoted(found["field"]))
        if found := self._take(_COMPARE):
            field, op = _unquoted(found["field"]), "==" if found["op"] == "=" else found["op"]
            return self._comparison(field, cast(Operator, op), self._value())
        raise self._malformed()

    def _comparison(self, field: str, op: Operator, value: _Written) -> Filter:
        if _is_dated(field, value):
            return dated(field, op, value.text)
        return Compare(field, op, _typed(field, value))

    def _membership(self, field: str) -> Filter:
        """One of several values; a date stands for all that begin with it, so it isn't looked up in the list."""
        is_enclosed = self._take_sign("(")
        values = [self._value(within_list=True)]
        while self._take_sign(","):
            values.append(self._value(within_list=True))
        if is_enclosed and not self._take_sign(")"):
            raise self._malformed()
        dates = [dated(field, "==", value.text) for value in values if _is_dated(field, value)]
        others = tuple(_typed(field, value) for value in values if not _is_dated(field, value))
        parts = [*dates, *([In(field, others)] if others else [])]
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _range(self, field: str) -> Filter:
        least = self._value()
        if not self._take(_AND):
            raise self._malformed()
        most = self._value()
        if _is_dated(field, most):
            return between(field, least.text, most.text)
        return And((Compare(field, ">=", _typed(field, least)), Compare(field, "<=", _typed(field, most))))

    def _value(self, *, within_list: bool = False) -> _Written:
        self._rest()
        quoted = self._take(_TEXT)
        if quoted is None and self._text[self._at : self._at + 1] in ('"', "'"):
            raise self._malformed()
        if quoted is not None:
            if self._bare(within_list=within_list).strip():
                raise self._malformed()
            return _Written(_unquoted(quoted[0]), is_quoted=True)
        bare = self._bare(within_list=within_list)
        self._at += len(bare)
        if not bare.strip():
            raise FilterError(f'The filter {self._shown()} gives no value; write "" for an empty text.')
        return _Written(bare.strip(), is_quoted=False)

    def _bare(self, *, within_list: bool) -> str:
        """What stands here up to a word that joins, a closing parenthesis, or a comma of a list."""
        depth = 0
        for place in range(self._at, len(self._text)):
            sign = self._text[place]
            if sign == "(":
                depth += 1
            elif sign == ")":
                depth -= 1
            is_end = depth < 0 or (depth == 0 and within_list and sign == ",")
            if is_end or (depth == 0 and self._joins(place)):
                return self._text[self._at : place]
        return self._text[self._at :]

    def _joins(self, place: int) -> bool:
        """Whether a blank that others don't precede begins ` and ` or ` or `."""
        is_first_blank = self._text[place].isspace() and not self._text[place - 1 : place].isspace()
        return is_first_blank and _JOINING.match(self._text, place) is not None

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self._rest()
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _take_sign(self, sign: str) -> bool:
        is_there = self._rest().startswith(sign)
        self._at += len(sign) * is_there
        return is_there

    def _rest(self) -> str:
        """What is left, without the blanks before it, up to what a sentence shows."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + _SHOWN_CHARACTERS]

    def _shown(self) -> str:
        long = len(self._text) > _SHOWN_CHARACTERS
        return repr(self._text[:_SHOWN_CHARACTERS] + "…") if long else repr(self._text)

    def _malformed(self) -> FilterError:
        rest = self._rest()
        place = f" at {rest!r}" if rest and self._at else ""
        return FilterError(f"The filter {self._shown()} can't be read{place}. Write {_FORMS}.")


def _is_dated(field: str, value: _Written) -> bool:
    return not value.is_quoted and field not in DOCUMENT_FIELDS and is_date(value.text)


def _typed(field: str, value: _Written) -> FilterValue:
    if value.is_quoted or field in DOCUMENT_FIELDS:
        return value.text
    if _INTEGER.fullmatch(value.text):
        return int(value.text)
    if _FLOAT.fullmatch(value.text):
        return float(value.text)
    return _FLAGS.get(value.text, value.text)


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
