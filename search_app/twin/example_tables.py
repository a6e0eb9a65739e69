"""Tables of CSV, TSV, JSONL and Parquet as rows of texts.

Every cell is read as text, so that the same table gives the same rows in every format; what is missing is empty. A
column `split` separates `train` from `dev` or `validation`, which are held out; rows of another split are left out.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from search_app.errors import TrainingError

if TYPE_CHECKING:
    from pandas import DataFrame

HELD_OUT = "held out"
_SPLITS = MappingProxyType({"train": "train", "dev": HELD_OUT, "validation": HELD_OUT})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its number from 1, its cells by column name, and the split it belongs to."""

    number: int
    cells: Mapping[str, str]
    split: str | None


def read_rows(path: Path, *, is_used: Callable[[str], bool]) -> list[Row]:
    """The rows of the table that belong to a split which is used.

    Args:
        path: Ends in .csv, .tsv, .jsonl or .parquet.
        is_used: Whether a column of this name must hold texts; what other columns hold is nobody's concern.

    Raises:
        TrainingError: The file can't be read, two columns have one name, or a cell holds something else than a text.
    """
    frame = _frame(path)
    names = [str(name).strip().casefold() for name in frame.columns]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise TrainingError(f"{path} has two columns {twice!r}; expected different names. Rename one of them.")
    rows = []
    for number, values in enumerate(frame.itertuples(index=False), start=1):
        held = dict(zip(names, values, strict=True))
        _refuse_nested(path, number, {name: value for name, value in held.items() if is_used(name)})
        cells = {name: _text(value) for name, value in held.items()}
        rows.append(Row(number, cells, _SPLITS.get(cells.get("split", "").casefold())))
    return [row for row in rows if row.split is not None or "split" not in names]


def _csv(path: Path, separator: str) -> "DataFrame":
    import pandas

    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)  # rows longer than the header
        try:
            return pandas.read_csv(path, sep=separator, dtype=str, keep_default_na=False, index_col=False)
        except pandas.errors.ParserWarning as error:
            raise ValueError("its rows have more cells than its header has names") from error


def _jsonl(path: Path) -> "DataFrame":
    import pandas

    return pandas.read_json(path, lines=True, dtype=False, encoding="utf-8-sig")


def _parquet(path: Path) -> "DataFrame":
    import pandas

    return pandas.read_parquet(path)


_READERS: Mapping[str, Callable[[Path], "DataFrame"]] = MappingProxyType(
    {
        ".csv": lambda path: _csv(path, ","),
        ".tsv": lambda path: _csv(path, "\t"),
        ".jsonl": _jsonl,
        ".parquet": _parquet,
    }
)


def _frame(path: Path) -> "DataFrame":
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TrainingError(
            f"{path} ends in {path.suffix!r}; expected one of {', '.join(_READERS)}. Save the examples so."
        )
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise TrainingError(f"{path} does not exist; expected a file of examples. Check the path.") from error
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise TrainingError(
            f"{path} can't be read as {path.suffix[1:]} ({reason}). Mend the file, or save it again as UTF-8."
        ) from error


def _refuse_nested(path: Path, number: int, cells: Mapping[str, object]) -> None:
    """Raise TrainingError for a cell whose text would be brackets and quotes."""
    from pandas.api.types import is_list_like

    for name, value in cells.items():
        if is_list_like(value) or isinstance(value, bytes):
            raise TrainingError(
                f"Row {number} of {path} holds a {type(value).__name__} in the column {name}; expected a text. "
                "Give each text a column of its own, several negatives negative_1, negative_2 and so on."
            )


def _text(value: object) -> str:
    """A cell as text; what is missing in Parquet or JSON is empty, as it is in CSV."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()
