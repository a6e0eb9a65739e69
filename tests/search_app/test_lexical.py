"""Any query is an expression of FTS5 that means what the person wrote."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_app.lexical import STOP_WORDS, match_expression, telling_words


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("copy", '("copy")'),
        ("Copy a file, and COPY", '("copy" OR "file")'),
        ("to be or not to be", '("to" OR "be" OR "or" OR "not")'),
        ("state-of-the-art", '("state" OR "art")'),
        ('"new york" subway', '"new york" AND ("new york" OR "subway")'),
        ('"to be" "or not"', '"to be" AND "or not" AND ("to be" OR "or not")'),
        ('5" screws', '("5" OR "screws")'),
        ('""', ""),
        ('"" ?!', ""),
        ("AND (", '("and")'),
        ("NEAR(a b) title:x* ^y", '("near" OR "b" OR "title" OR "x" OR "y")'),
        ("x\0y", '("x" OR "y")'),
        ("cafe\u0301", '("café")'),
        ("\U0001f600", ""),
        ("שלום עולם", '("שלום" OR "עולם")'),
        ("'; DROP TABLE chunks; --", '("drop" OR "table" OR "chunks")'),
    ],
)
def test_a_query_becomes_quoted_words_and_phrases(query: str, expected: str) -> None:
    assert match_expression(query) == expected


def test_of_a_page_of_text_the_first_words_are_taken() -> None:
    words = [f"word{number}" for number in range(300)]
    assert telling_words(" ".join(words)) == words[:128]


def test_stop_words_are_single_words_in_lower_case() -> None:
    assert all(telling_words(word) == [word] for word in STOP_WORDS)


SIGNS = st.sampled_from(
    ['"', "'", "(", ")", "*", "^", ":", "-", "+", "{", "}", "\0", "AND", "OR", "NOT", "NEAR", " ", "a"]
)


@given(st.one_of(st.text(), st.lists(SIGNS).map("".join), st.lists(SIGNS).map(" ".join)))
def test_fts5_understands_what_comes_of_any_text(query: str) -> None:
    expression = match_expression(query)
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize='porter unicode61')")
        if expression:
            assert database.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall() == []
    finally:
        database.close()
