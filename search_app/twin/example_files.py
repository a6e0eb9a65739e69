"""Examples from files: CSV, TSV, JSONL and Parquet.

A column's name says what it holds, never its place. Negatives are the columns `negative`, `negative_1` and so
on. How a table is read, and what its column `split` says, is told in `example_tables`.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from search_app.errors import TrainingError
from search_app.twin.example_tables import HELD_OUT, Row, read_rows
from search_app.twin.examples import RANKED, Example, Examples, Provenance, Shape

# What each shape needs, its label last; the first shape whose columns are all there is taken.
_COLUMNS: Mapping[Shape, tuple[str, ...]] = MappingProxyType(
    {
        Shape.SCORED_PAIRS: ("sentence1", "sentence2", "score"),
        Shape.LABELLED_PAIRS: ("sentence1", "sentence2", "label"),
        Shape.CLASSIFIED_PAIRS: ("premise", "hypothesis", "label"),
        Shape.TRIPLETS: ("anchor", "positive"),
        Shape.QUERIES: ("query", "positive"),
        Shape.CLASSES: ("text", "label"),
        Shape.TEXTS: ("text",),
    }
)
_UNLABELLED = RANKED | {Shape.TEXTS}
_ROLES: Mapping[str, str] = MappingProxyType(
    {
        "sentence1": "one text of a pair",
        "sentence2": "the other text",
        "premise": "one text of a pair",
        "hypothesis": "the other text",
        "anchor": "what is compared",
        "query": "what is asked",
        "positive": "what is near to it",
        "text": "the text",
    }
)
_ALIKE = MappingProxyType({"1": 1.0, "1.0": 1.0, "true": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0})
_USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 5.0))  # the first that holds all scores is the one meant
_FEWEST_ROWS = 2


def read_examples(path: Path, *, score_range: tuple[float, float] | None = None) -> Examples:
    """The examples of a file; scores are mapped from their range to [0, 1], or left in [-1, 1].

    Args:
        path: Ends in .csv, .tsv, .jsonl or .parquet.
        score_range: Lowest and highest score that are possible; found from the scores when left out.

    Raises:
        TrainingError: The file can't be read, or its columns or rows are no examples.
    """
    rows = read_rows(path, is_used=_has_role)
    if not rows:
        _refuse_few(path, 0)
    shape = named = _shape(path, rows)
    texts = [_texts(path, shape, row) for row in rows]
    labels, classes, found_range = _labels(path, shape, rows, score_range)
    if shape is Shape.LABELLED_PAIRS and classes:
        shape = Shape.CLASSIFIED_PAIRS  # more than two classes, or named ones
    read = [Example(*example) for example in zip(texts, labels, strict=True)]
    train = tuple(example for example, row in zip(read, rows, strict=True) if row.split != HELD_OUT)
    held_out = tuple(example for example, row in zip(read, rows, strict=True) if row.split == HELD_OUT)
    if len(train) < _FEWEST_ROWS:
        _refuse_few(path, len(train))
    provenance = Provenance({"file": len(train)}, _roles(named, rows[0], classes, found_range))
    return Examples(shape, train, held_out, classes, found_range, provenance)


def _refuse_few(path: Path, count: int) -> NoReturn:
    raise TrainingError(
        f"{path} has {count} row(s) to train on; expected at least {_FEWEST_ROWS}, and better 100. "
        "Add examples; where there is a column split, only those of train are trained on."
    )


def _has_role(column: str) -> bool:
    return column in _ROLES or column in ("label", "score", "split") or _is_negative(column)


def _shape(path: Path, rows: Sequence[Row]) -> Shape:
    found = list(rows[0].cells)
    for shape, columns in _COLUMNS.items():
        if set(columns) <= set(found):
            return shape
    known = " · ".join(",".join(columns) for columns in _COLUMNS.values())
    raise TrainingError(f"{path} has the columns {', '.join(found)}; expected one of: {known}. Rename the columns.")


def _roles(shape: Shape, row: Row, classes: Sequence[str], score_range: tuple[float, float] | None) -> dict[str, str]:
    """Each column of the file with what it was taken for."""
    roles = {name: _ROLES[name] for name in _COLUMNS[shape] if name in _ROLES}
    if score_range is not None:
        roles["score"] = f"how alike the two are, from {score_range[0]:g} to {score_range[1]:g}"
    elif shape not in _UNLABELLED:
        roles["label"] = f"one of {len(classes)} classes" if classes else "1 for alike, 0 for unlike"
    if shape in RANKED:
        roles |= {name: "what is not near to it" for name in row.cells if _is_negative(name)}
    if "split" in row.cells:
        roles["split"] = "whether a row is trained on or held out"
    return {name: roles.get(name, "not used") for name in row.cells}


def _is_negative(column: str) -> bool:
    return column.split("_")[0] == "negative"


def _texts(path: Path, shape: Shape, row: Row) -> tuple[str, ...]:
    columns = _COLUMNS[shape] if shape in _UNLABELLED else _COLUMNS[shape][:-1]
    for column in columns:
        if not row.cells[column]:
            raise TrainingError(
                f"Row {row.number} of {path} has no {column}; expected text. Fill it in or remove the row."
            )
    texts = [row.cells[column] for column in columns]
    if shape in RANKED:
        texts += [cell for name, cell in row.cells.items() if _is_negative(name) and cell]
    return tuple(texts)


_Labels = tuple[Sequence[float | None], tuple[str, ...], tuple[float, float] | None]


def _labels(path: Path, shape: Shape, rows: Sequence[Row], score_range: tuple[float, float] | None) -> _Labels:
    """Labels, the names of their classes if they have names, and their range if they are scores."""
    if shape in _UNLABELLED:
        return [None] * len(rows), (), None
    cells = [row.cells[_COLUMNS[shape][-1]] for row in rows]
    if shape is Shape.SCORED_PAIRS:
        scores = [_score(path, row) for row in rows]
        found = _range(path, scores, score_range)
        return [_in_unit_range(score, found) for score in scores], (), found
    if shape is Shape.LABELLED_PAIRS:
        if {cell.casefold() for cell in cells} <= _ALIKE.keys():
            return [_ALIKE[cell.casefold()] for cell in cells], (), None
        _refuse_scores(path, rows)
    classes = tuple(sorted(set(cells)))
    if len(classes) < 2 or "" in classes:
        raise TrainingError(
            f"The labels of {path} are {', '.join(map(repr, classes))}; expected two classes or more and no empty "
            "cell. Add the missing labels."
        )
    numbers = {name: float(number) for number, name in enumerate(classes)}
    return [numbers[cell] for cell in cells], classes, None


def _refuse_scores(path: Path, rows: Sequence[Row]) -> None:
    """Raise TrainingError for labels of pairs that are numbers, but can't be those of classes."""
    for row in rows:
        if _looks_like_a_score(row.cells["label"]):
            raise TrainingError(
                f"Row {row.number} of {path} has the label {row.cells['label']!r}; expected 1 for alike and 0 for "
                "unlike, or a class. Name the column score if it says how alike the two are."
            )


def _looks_like_a_score(cell: str) -> bool:
    try:
        number = float(cell)
    except ValueError:
        return False
    return number < 0 or not number.is_integer()


def _score(path: Path, row: Row) -> float:
    try:
        score = float(row.cells["score"])
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise TrainingError(
            f"Row {row.number} of {path} has the score {row.cells['score']!r}; expected a number. Mend or remove it."
        )
    return score


def _range(path: Path, scores: Sequence[float], stated: tuple[float, float] | None) -> tuple[float, float]:
    lowest, highest = min(scores), max(scores)
    candidates = [stated] if stated else [*_USUAL_RANGES, (lowest, highest)]
    held = next((span for span in candidates if span[0] <= lowest and highest <= span[1]), None)
    if held is None or lowest == highest:
        raise TrainingError(
            f"The scores of {path} lie between {lowest:g} and {highest:g}; expected different ones"
            f"{f' within {stated[0]:g} and {stated[1]:g}' if stated else ''}. Mend the scores or their range."
        )
    return held


def _in_unit_range(score: float, found: tuple[float, float]) -> float:
    lowest, highest = found
    return score if found == (-1.0, 1.0) else (score - lowest) / (highest - lowest)
