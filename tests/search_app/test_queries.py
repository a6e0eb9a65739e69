"""Combinations are read as they are meant, and their vectors can be worked out on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_app.errors import QueryError
from search_app.queries import PARTS_MAX, Part, combined, middle, parse_combined


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fast car", [(1, "fast car")]),
        ('"fast car" - racing + 0.5 electric', [(1, "fast car"), (-1, "racing"), (0.5, "electric")]),
        ("state-of-the-art C++ - well-known", [(1, "state-of-the-art C++"), (-1, "well-known")]),
        ("cat + 2", [(1, "cat"), (1, "2")]),
        ("3 cats + 2 dogs", [(1, "3 cats"), (2, "dogs")]),
        ('cat + "2 dogs" − .25 sea', [(1, "cat"), (1, "2 dogs"), (-0.25, "sea")]),
        ("- racing + car", [(-1, "racing"), (1, "car")]),
        ('cat + "-"', [(1, "cat"), (1, "-")]),
        ('size 5" + x', [(1, "size 5"), (1, "x")]),
    ],
)
def test_parts_stand_between_signs_of_their_own(query: str, expected: list[tuple[float, str]]) -> None:
    assert parse_combined(query) == tuple(Part(*one) for one in expected)


@pytest.mark.parametrize("query", ["cat -", "cat + + dog", '"" + cat', "+", "-"])
def test_a_sign_with_nothing_after_it_is_refused(query: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse_combined(query)
    assert str(refused.value) == (
        f"The query {query!r} has a sign with nothing after it. Write parts between + and -, such as "
        '`"fast car" - racing + 0.5 electric`; a sign that is meant as text goes in quotes.'
    )


@pytest.mark.parametrize("query", ["- cat", "- cat - dog", "+ 0 cat"])
def test_a_query_that_looks_for_nothing_is_refused(query: str) -> None:
    with pytest.raises(QueryError, match=r"only says what to be far from\. Add what to look for\.$"):
        parse_combined(query)


def test_the_number_of_parts_is_bounded() -> None:
    assert len(parse_combined(" + ".join(["cat"] * PARTS_MAX))) == PARTS_MAX
    with pytest.raises(QueryError, match=r"^The query is combined of 33 parts; at most 32 can be\. Leave some out\.$"):
        parse_combined(" + ".join(["cat"] * (PARTS_MAX + 1)))


def read_or_told(query: str) -> tuple[Part, ...] | str:
    try:
        return parse_combined(query)
    except QueryError as error:
        return str(error)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["+", "-", '"', "2", "a", " "])).map(" ".join)))
def test_any_text_is_a_combination_or_a_sentence(query: str) -> None:
    answer = read_or_told(query)
    if isinstance(answer, str):
        assert answer.endswith(".")
    else:
        assert all(part.text.strip() for part in answer)


def test_a_combination_points_where_its_weighted_sum_does() -> None:
    parts = [Part(2, "x"), Part(-1, "y"), Part(0.5, "z")]
    vector = combined(parts, np.eye(3, 4, dtype=np.float32))
    assert vector.tolist()[0] == pytest.approx((np.array([2, -1, 0.5, 0]) / 5.25**0.5).tolist())
    assert (vector.shape, vector.dtype) == ((1, 4), np.float32)


def test_parts_that_cancel_each_other_out_are_refused() -> None:
    with pytest.raises(QueryError, match=r"^The parts of the query cancel each other out"):
        combined([Part(1, "cat"), Part(-1, "cat")], np.ones((2, 4), np.float32) / 2)


def test_the_middle_is_as_near_to_one_as_to_the_other() -> None:
    vector = middle(np.eye(2, 3, dtype=np.float32))
    assert vector.tolist()[0] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    with pytest.raises(QueryError, match="point in all directions"):
        middle(np.array([[1, 0], [-1, 0]], np.float32))
