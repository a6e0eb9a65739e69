"""A filter in SQLite's words, over a row of the catalogue's `documents`.

Metadata is walked by `json_each`, whose keys and values come unescaped from every version of SQLite, unlike paths. What
comes out is 0 or 1 and never NULL, so `NOT` is plain negation. All names and values are bound, none is in the text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from search_app.filters.joining import joined
from search_app.filters.tree import And, Compare, Exists, Filter, FilterValue, In, Kind, Not, Operator, Or, kind_of
from search_app.filters.tree import metadata_key as metadata_key_of

_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "text": ("text",),
    "number": ("integer", "real"),
    "flag": ("true", "false"),
}


@dataclass(frozen=True, slots=True)
class SqlCondition:
    """A condition with named parameters, `:p0` and so on."""

    text: str
    parameters: dict[str, FilterValue] = field(default_factory=dict)


def to_sql(filter_: Filter) -> SqlCondition:
    """The filter as a condition for SQLite.

    Args:
        filter_: A filter that `check` lets pass.
    """
    writer = _Writer()
    return SqlCondition(writer.condition(filter_), writer.parameters)


class _Writer:
    """Writes conditions and collects their parameters."""

    def __init__(self) -> None:
        self.parameters: dict[str, FilterValue] = {}

    def condition(self, filter_: Filter) -> str:
        """What is 1 exactly where `matches` is true, and 0 elsewhere."""
        match filter_:
            case Compare(field_, op, value):
                return self._comparison(field_, op, value)
            case In(field_, values):
                return self._membership(field_, values)
            case Exists(field_):
                return self._existence(field_)
            case And(parts):
                return joined("AND", [self.condition(part) for part in parts])
            case Or(parts):
                return joined("OR", [self.condition(part) for part in parts])
            case Not(part):
                return f"(NOT {self.condition(part)})"

    def _comparison(self, field_: str, op: Operator, value: FilterValue) -> str:
        kind = kind_of(value) or "number"
        return self._held(field_, (kind,), f"{{value}} {op} {self._bound(value)}")

    def _membership(self, field_: str, values: tuple[FilterValue, ...]) -> str:
        """Each kind is asked on its own: SQLite takes true for 1."""
        by_kind: dict[Kind, list[FilterValue]] = {}
        for value in values:
            by_kind.setdefault(kind_of(value) or "number", []).append(value)
        asked = [
            self._held(field_, (kind,), f"{{value}} IN (SELECT value FROM json_each({self._bound(json.dumps(own))}))")
            for kind, own in by_kind.items()
        ]
        return joined("OR", asked)

    def _existence(self, field_: str) -> str:
        return self._held(field_, tuple(_TYPES), "TRUE")

    def _held(self, field_: str, kinds: tuple[Kind, ...], test: str) -> str:
        """Whether the field holds a value of one of these kinds that passes the test."""
        key = metadata_key_of(field_)
        if key is None:
            return f"({test.format(value=f'documents.{field_}')})"
        types = ", ".join(f"'{one}'" for kind in kinds for one in _TYPES[kind])
        return (
            f"EXISTS (SELECT 1 FROM json_each(documents.metadata) AS held WHERE held.key = {self._bound(key)} "
            f"AND held.type IN ({types}) AND {test.format(value='held.value')})"
        )

    def _bound(self, value: FilterValue) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"
