"""Tables without a column of text, as text: a line for each row, each value behind the name of its column.

    Team: Blues | City: St. Louis | Cups: 1

A table whose first row doesn't name all of its columns is taken as it stands, a line a row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest

from ingest.cleaning import clean_cell, clean_line
from ingest.readers.building import TextBuilder

_BETWEEN = " | "
_JOINED_ROWS = 200  # lines that are added together

Cells = Sequence[object]


def add_lines(builder: TextBuilder, lines: Iterator[str]) -> None:
    """Add the lines to a document, however many they are."""
    while some := list(islice(lines, _JOINED_ROWS)):
        builder.add("\n".join(filter(None, some)))


def line_of(values: Mapping[str, object]) -> str:
    """A row whose columns have names; of what has parts, each part behind its path."""
    named = ((clean_line(path), _shown(leaf)) for path, leaf in leaves(values))
    return _BETWEEN.join(f"{path}: {value}" for path, value in named if value)


def lines_of(rows: Iterable[Cells]) -> Iterator[str]:
    """The rows of a table of cells; the first one names the columns, or is a row like the others."""
    remaining = iter(rows)
    top = list(islice(remaining, 2))
    names = column_names(top)
    for cells in chain(top[1:] if names else top, remaining):
        shown = [_shown(cell) for cell in cells]
        yield _BETWEEN.join(_named(names, shown)) if names else _BETWEEN.join(shown).strip(_BETWEEN)


def column_names(top: Sequence[Cells]) -> tuple[str, ...]:
    """The names of two or more columns, if the first row consists of such, no two of them the same, and others follow.

    Args:
        top: The first two rows.
    """
    if len(top) < 2:
        return ()
    cells = top[0]
    names = [_shown(cell) if isinstance(cell, str) else "" for cell in cells]
    filled = max((place for place, cell in enumerate(cells, start=1) if cell not in (None, "")), default=0)
    are_names = len(set(names[:filled])) == filled > 1 and all(map(_is_name, names[:filled]))
    return tuple(names[:filled]) if are_names else ()


def leaves(value: object) -> Iterator[tuple[str, object]]:
    """Each value that has no parts, with the names above it; the places in lists are left out."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, Mapping):
            named = [(f"{path}.{name}" if path else str(name), part) for name, part in node.items()]
            waiting.extend(reversed(named))
        elif isinstance(node, list):
            waiting.extend((path, part) for part in reversed(node))
        elif node is not None:
            yield path, node


def _named(names: Sequence[str], cells: Sequence[str]) -> Iterator[str]:
    for name, cell in zip_longest(names, cells, fillvalue=""):
        if cell:
            yield f"{name}: {cell}" if name else cell


def _shown(cell: object) -> str:
    return clean_line(clean_cell(cell))


def _is_name(text: str) -> bool:
    """Whether a cell can name a column: it isn't empty, and no number."""
    try:
        float(text or "0")
    except ValueError:
        return True
    return False
