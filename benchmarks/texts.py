"""Texts to encode and queries to time: from public collections, or built in where there are none.

The built-in ones are docstrings of the standard library, in an order that is always the same.
"""

import ast
import inspect
import random
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.public_data import read_collection

_SHORTEST = 200  # characters of a docstring; shorter ones say one sentence
_CALIBRATION_COUNT = 300


@dataclass(frozen=True, slots=True)
class Texts:
    """What is encoded: `source` says where it is from; nothing that is timed is calibrated on."""

    source: str
    passages: tuple[str, ...]
    queries: tuple[str, ...]
    calibration: tuple[str, ...]


def choose_texts(data: Path | None, passage_count: int, query_count: int) -> Texts:
    """As many passages and queries as are asked for, the same ones each time."""
    source, passages, queries = _public(data) if data else _built_in(passage_count + _CALIBRATION_COUNT)
    timed = random.Random(1).sample(passages, min(passage_count, len(passages)))
    held = set(timed)
    rest = calibration_sample([text for text in passages if text not in held])
    return Texts(source, tuple(timed), tuple(queries[:query_count]), tuple(rest))


def calibration_sample(passages: Sequence[str]) -> list[str]:
    """As many passages as an int8 model is calibrated on, the same ones each time."""
    return random.Random(2).sample(passages, min(_CALIBRATION_COUNT, len(passages)))


def _public(data: Path) -> tuple[str, list[str], list[str]]:
    collection = read_collection(data / "scifact")
    return "SciFact", list(collection.passages.values()), list(collection.qrels["test"])


def _built_in(count: int) -> tuple[str, list[str], list[str]]:
    found: dict[str, None] = {}
    for text in _docstrings():
        if len(text) >= _SHORTEST:
            found[text] = None
        if len(found) == count:
            break
    return "docstrings of the standard library", list(found), [text.partition("\n")[0] for text in found]


def _docstrings() -> Iterator[str]:
    """Of every module, class and function at the top of the library's folder."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, documented) and (text := ast.get_docstring(node)):
                yield inspect.cleandoc(text)
