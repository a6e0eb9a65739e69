"""Tells which words of some passages an expression of the word index matches.

The word index keeps no text, so the passages go into an index in memory, of the same columns and tokenizer, that lives
for one call: what is marked is what a search matches, with its stems, phrases and accents.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

from search_app.catalog.word_index import TOKENIZER

Span = tuple[int, int]

_CREATE = f"CREATE VIRTUAL TABLE passages USING fts5(title, headings, text, tokenize='{TOKENIZER}')"
_INSERT = "INSERT INTO passages (rowid, title, headings, text) VALUES (?, ?, ?, ?)"
_MARKED = (
    "SELECT rowid, highlight(passages, 0, :from, :to), highlight(passages, 2, :from, :to) "
    "FROM passages WHERE passages MATCH :expression"
)
_PRIVATE_USE = (range(0xE000, 0xF900), range(0x10_0000, 0x10_FFFE))  # a text may hold all of the first


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What the word index reads of a chunk."""

    title: str
    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Where words of a query stand: from the first character of a word or phrase to behind its last."""

    title: tuple[Span, ...] = ()
    text: tuple[Span, ...] = ()


def marked_words(expression: str, passages: Sequence[IndexedText]) -> list[Marks]:
    """The marks of each passage; none where it doesn't match the whole expression.

    Args:
        expression: From `lexical.match_expression`; "" matches nothing.
        passages: Any number.
    """
    marks = [Marks()] * len(passages)
    if not expression:
        return marks
    columns = [tuple(map(_storable, (one.title, " ".join(one.headings), one.text))) for one in passages]
    rows = [(number, *texts) for number, texts in enumerate(columns)]
    signs = _unused_signs([text for texts in columns for text in texts])
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute(_CREATE)
        memory.executemany(_INSERT, rows)
        asked = {"from": signs[0], "to": signs[1], "expression": expression}
        for number, title, text in memory.execute(_MARKED, asked):
            marks[number] = Marks(_spans(title, signs), _spans(text, signs))
    return marks


def _storable(text: str) -> str:
    """A text of the same length without what SQLite doesn't keep: NUL and lone surrogates."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _unused_signs(texts: Sequence[str]) -> tuple[str, str]:
    """Two signs that stand in none of the texts."""
    used = set().union(*texts)
    first, second = islice((chr(code) for code in chain(*_PRIVATE_USE) if chr(code) not in used), 2)
    return first, second


def _spans(marked: str, signs: tuple[str, str]) -> tuple[Span, ...]:
    found, start, length = [], 0, 0
    for character in marked:
        if character == signs[0]:
            start = length
        elif character == signs[1]:
            found.append((start, length))
        else:
            length += 1
    return tuple(found)
