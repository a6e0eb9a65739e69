"""A filter in Milvus lets through exactly the documents that `matches` lets through, whatever texts they hold.

TWINSEARCH_CAMPAIGN=1 asks for ten thousand texts, and for more filters; TWINSEARCH_SEED repeats a run.
"""

import os
import random
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from search_app.filters import And, Compare, Exists, Filter, In, Not, Or, check, matches, to_milvus
from search_app.index import VectorIndex

DIM = 16
IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
SEED = int(os.environ.get("TWINSEARCH_SEED", random.randrange(2**32)))
TEXTS = 10_000 if IS_CAMPAIGN else 1_000
TEXTS_TOGETHER = 500
TEXTS_A_FILTER = 100
FILTERS = 500 if IS_CAMPAIGN else 150
MOST_FOUND = 1_000

HOSTILE = [
    "",
    "a",
    "A",
    "1",
    "true",
    '"',
    "\\",
    '\\"',
    "' or 1 == 1",
    '" or exists fields["x"]',
    "a\nb",
    "\r\t",
    "%_",
    "naïve",
    "日本",
    "🙂",
    "\x01\x7f",
    "\u2028",
    "x" * 300,
]
VALUES: list[Any] = [
    *HOSTILE,
    0,
    1,
    -1,
    2.5,
    -0.0,
    1e-9,
    2**53 - 1,
    -(2**62),
    10**30,
    1.0,
    True,
    False,
    None,
    float("nan"),
    float("inf"),
]
KEYS = ["k", "in", "and", 'quo"ted', "br[ack]et", "sl/ash~", "日本", "1", "a.b", "", "with blank"]
SIGNS = [*"'\"\\%_{}[]()&|<>=!~,;:#$@?*+-/ \n\t\r", "in", "not", "&&", "null", "\\u0041", "ß", "e\u0301", "\u202e"]
SCRIPTS = [(1, 0x7F), (0x80, 0x24F), (0x250, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]


def hold(door: VectorIndex, physical: str, documents: Sequence[dict[str, Any]]) -> None:
    """Give the collection a row a document; its id is the document's number."""
    rows = np.random.default_rng(7).normal(size=(len(documents), DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    door.upsert(physical, [f"{number:08}" for number in range(len(documents))], rows, documents)


def found(door: VectorIndex, physical: str, filter_: Filter) -> list[int]:
    """The numbers of the documents that the filter lets through."""
    query = np.eye(1, DIM, dtype=np.float32)
    (rows,) = door.search(physical, query, limit=MOST_FOUND, where=to_milvus(filter_), exact=True)
    return sorted(int(one.id) for one in rows)


def expected(filter_: Filter, documents: Sequence[dict[str, Any]]) -> list[int]:
    return [number for number, document in enumerate(documents) if matches(filter_, document)]


def test_a_filter_narrows_the_search(door: VectorIndex, physical: str) -> None:
    hold(door, physical, [{"metadata": {"n": number}} for number in range(50)])
    assert found(door, physical, Compare("n", "<", 3)) == [0, 1, 2]


def a_filter(chance: Random, depth: int) -> Filter:
    fields = [*(f"metadata.{key}" for key in KEYS), "id", "title"]
    field = chance.choice(fields)
    askable = [v for v in VALUES if isinstance(v, str) or (v is not None and abs(v) < 2**53)]
    values = HOSTILE if field in {"id", "title"} else askable
    value = chance.choice(values)
    ops = ["==", "!="] if isinstance(value, bool) else ["==", "!=", "<", "<=", ">", ">="]
    if depth == 0:
        leaves = [
            Compare(field, chance.choice(ops), value),
            Compare(field, chance.choice(ops), value),
            In(field, tuple(chance.choices(values, k=chance.randint(1, 8)))),
            Exists(field),
        ]
        return chance.choice(leaves)
    parts = tuple(a_filter(chance, chance.randint(0, depth - 1)) for _ in range(chance.randint(1, 3)))
    return chance.choice([And(parts), Or(parts), Not(parts[0])])


def test_the_largest_allowed_filter_can_be_run(door: VectorIndex, physical: str) -> None:
    hold(door, physical, [{"title": f"Title {number}", "metadata": {"n": number}} for number in range(3)])
    deep: Filter = Not(Exists("n"))
    for _ in range(19):
        deep = Or((And((deep,)), Compare("n", "==", 1)))
    many = In("title", tuple(f"Title {number}" for number in range(1, 5_001)))
    none = Not(In("n", tuple(range(1, 5_001))))
    assert [found(door, physical, filter_) for filter_ in (deep, many, none)] == [[1], [1, 2], [0]]


def test_a_filter_finds_exactly_the_documents_that_it_matches(door: VectorIndex, physical: str) -> None:
    print(f"TWINSEARCH_SEED={SEED}")
    chance = Random(SEED)
    documents = [
        {
            "document_id": chance.choice(HOSTILE),
            "title": chance.choice(HOSTILE),
            "metadata": {key: chance.choice(VALUES) for key in chance.sample(KEYS, chance.randint(0, 8))},
        }
        for _ in range(80)
    ]
    hold(door, physical, documents)
    for _ in range(FILTERS):
        filter_ = a_filter(chance, chance.randint(0, 3))
        check(filter_, dict.fromkeys(KEYS, ("str", "int", "float", "bool")))
        assert found(door, physical, filter_) == expected(filter_, documents), filter_


def a_text(chance: Random) -> str:
    """Signs and words of filter languages, or characters of any script; NUL and surrogates are refused."""
    if chance.random() < 0.5:
        return "".join(chance.choices([*HOSTILE[:-1], *SIGNS], k=chance.randint(1, 5)))
    low, high = chance.choice(SCRIPTS)
    return "".join(chr(chance.randint(low, high)) for _ in range(chance.randint(1, 12)))


def nearly(text: str, chance: Random) -> str:
    """The text with a character more, less, or twice."""
    place = chance.randrange(len(text) + 1)
    sign = chance.choice(["", " ", "\\", '"', text[place : place + 1]])
    return text[:place] + sign + text[place + chance.randint(0, 1) :]


def test_a_filter_tells_any_text_from_every_other(door: VectorIndex, physical: str) -> None:
    print(f"TWINSEARCH_SEED={SEED}")
    chance = Random(SEED)
    for _ in range(0, TEXTS, TEXTS_TOGETHER):  # each time the same rows, with other texts
        texts = [a_text(chance) for _ in range(TEXTS_TOGETHER // 2)]
        texts += [nearly(text, chance) for text in texts]
        documents = [{"document_id": f"d{text}", "title": text, "metadata": {"t": text}} for text in texts]
        hold(door, physical, documents)
        for start in range(0, TEXTS_TOGETHER, TEXTS_A_FILTER):
            asked, field = set(texts[start : start + TEXTS_A_FILTER]), chance.choice(["title", "t"])
            same = [number for number, text in enumerate(texts) if text in asked]
            assert found(door, physical, In(field, tuple(asked))) == same
        compared = Compare(field, chance.choice(["==", "!=", "<", "<=", ">", ">="]), chance.choice(texts))
        assert found(door, physical, compared) == expected(compared, documents)
