"""Dates and ranges as filters; made of comparisons, so that they run wherever those do.

A date is a text in ISO 8601, as readers write it: such texts sort in the order of time. One that breaks off, such
as 2024-03-01 or 2024-03, stands for every moment that begins with it. Texts with different time zones are compared
as they are written.
"""

import re

from search_app.filters.tree import And, Compare, Filter, FilterValue, Not, Operator

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2}(?:T[0-9]{2}(?::[0-9]{2}(?::[0-9]{2})?)?)?)?")


def is_date(text: str) -> bool:
    """Whether the text is a month, a day or a time of a day in ISO 8601."""
    return _DATE.fullmatch(text) is not None


def dated(field: str, op: Operator, date: str) -> Filter:
    """The field's date stands in this relation to the whole month, day, hour, minute or second.

    Args:
        field: Holds dates in ISO 8601.
        op: == is within, < before its first moment, > after its last one.
        date: What `is_date` takes for one.
    """
    first, after = Compare(field, ">=", date), Compare(field, "<", _successor(date))
    meanings: dict[Operator, Filter] = {
        "==": And((first, after)),
        "!=": And((Compare(field, ">=", ""), Not(And((first, after))))),
        "<": Compare(field, "<", date),
        "<=": after,
        ">": Compare(field, ">=", _successor(date)),
        ">=": first,
    }
    return meanings[op]


def between(field: str, least: FilterValue, most: FilterValue) -> Filter:
    """The field's value lies in the range, with both ends; a text that `is_date` counts to its last moment."""
    is_dated = isinstance(most, str) and is_date(most)
    upper = dated(field, "<=", str(most)) if is_dated else Compare(field, "<=", most)
    return And((Compare(field, ">=", least), upper))


def _successor(date: str) -> str:
    """The first text that sorts after all that begin with this one."""
    return date[:-1] + chr(ord(date[-1]) + 1)
