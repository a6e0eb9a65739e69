"""Two rankings become one, by numbers that can be worked out on paper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_app.fusion import Ranking, reciprocal_rank, standout, standout_sum, weighted_sum

DENSE = [("a", 0.8), ("b", 0.6), ("c", 0.4)]
LEXICAL = [("b", 9.0), ("d", 6.0), ("a", 3.0)]

ids = st.lists(st.sampled_from("abcdefghijklmnop"), unique=True)


def ranking(names: list[str], top: float) -> Ranking:
    return [(name, top / (place + 1)) for place, name in enumerate(names)]


def rounded(fused: Ranking) -> list[tuple[str, float]]:
    return [(id_, round(score, 4)) for id_, score in fused]


def test_reciprocal_ranks_add_up() -> None:
    assert rounded(reciprocal_rank(DENSE, LEXICAL, weight=0.5, constant=1)) == [
        ("b", 0.4167),  # (1/3 + 1/2) / 2
        ("a", 0.375),  # (1/2 + 1/4) / 2
        ("d", 0.1667),  # 1/3 / 2
        ("c", 0.125),  # 1/4 / 2
    ]


def test_scaled_scores_add_up() -> None:
    assert rounded(weighted_sum(DENSE, LEXICAL, weight=0.6)) == [
        ("b", 0.7),  # 0.6 · 0.5 + 0.4 · 1
        ("a", 0.6),  # 0.6 · 1 + 0.4 · 0
        ("d", 0.2),  # 0.4 · 0.5
        ("c", 0.0),
    ]


def test_words_weigh_as_much_as_the_best_of_them_stands_out() -> None:
    """Fewer than ten have a word: s = 1, so w = 1 / 1.4; what isn't among the dense ones counts as their last, 0.4."""
    assert rounded(standout_sum(DENSE, LEXICAL, boost=0.4)) == [
        ("b", 0.7143),  # (0.6 + 0.4 · 9/9) / 1.4
        ("a", 0.6667),  # (0.8 + 0.4 · 3/9) / 1.4
        ("d", 0.4762),  # (0.4 + 0.4 · 6/9) / 1.4
        ("c", 0.2857),  # 0.4 / 1.4
    ]


def test_words_that_ten_passages_have_alike_change_nothing() -> None:
    alike = [(name, 5.0) for name in "jihgfedcba"]
    assert standout(alike) == 0
    assert [id_ for id_, _ in standout_sum(DENSE, alike)][:3] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("lexical", "expected"),
    [
        ([], 0.0),
        ([("a", 7.0)], 1.0),
        ([(str(number), 10.0 - number) for number in range(9)], 1.0),
        ([(str(number), 10.0 - number) for number in range(20)], 0.9),
    ],
)
def test_the_best_stands_out_by_its_lead_over_the_tenth(lexical: Ranking, expected: float) -> None:
    assert standout(lexical) == pytest.approx(expected)


@pytest.mark.parametrize("fuse", [reciprocal_rank, standout_sum, lambda *both: weighted_sum(*both, weight=0.5)])
def test_one_ranking_alone_keeps_its_order(fuse) -> None:  # type: ignore[no-untyped-def]
    assert [id_ for id_, _ in fuse(DENSE, [])] == ["a", "b", "c"]
    assert [id_ for id_, _ in fuse([], LEXICAL)] == ["b", "d", "a"]
    assert fuse([], []) == []


@pytest.mark.parametrize("fuse", [reciprocal_rank, standout_sum, lambda *both: weighted_sum(*both, weight=0.3)])
@given(dense=ids, lexical=ids)
def test_every_passage_comes_once_by_falling_score_then_by_id(fuse, dense: list[str], lexical: list[str]) -> None:  # type: ignore[no-untyped-def]
    fused = fuse(ranking(dense, 0.9), ranking(lexical, 20))
    assert sorted(id_ for id_, _ in fused) == sorted({*dense, *lexical})
    assert fused == sorted(fused, key=lambda one: (-one[1], one[0]))
    assert all(score <= 1 for _, score in fused)
