"""Held-out figures with an encoder whose vectors are known: each text names its own direction in degrees."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from search_app.twin.examples import Example
from search_app.twin.held_out import (
    area_under_curve,
    cosines_and_labels,
    mean,
    neighbours_of_own_class,
    reciprocal_ranks,
    spearman,
)


class Compass:
    """Encodes "north 30" as the unit vector at 30 degrees."""

    def encode(self, texts: Sequence[str], *, kind: str = "document") -> NDArray[np.float32]:
        del kind  # a text means the same in both roles
        angles = np.radians([float(text.split()[-1]) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_reciprocal_rank_counts_the_nearest_positive_of_each_query_in_the_common_pool() -> None:
    rows = [
        Example(("q 0", "p 1")),  # first
        Example(("r 50", "p 60", "n 51")),  # second, behind the negative
        Example(("s 100", "p 130")),  # the query's other positive is nearer, and first
        Example(("s 100", "p 101")),
    ]
    assert reciprocal_ranks(Compass(), rows, kind="query").tolist() == [[1], [1 / 2], [1]]


def test_a_positive_below_rank_ten_counts_nothing() -> None:
    negatives = [f"n {angle}" for angle in range(1, 11)]
    assert reciprocal_ranks(Compass(), [Example(("q 0", "p 20", *negatives))], kind="query").tolist() == [[0]]
    assert reciprocal_ranks(Compass(), [Example(("q 0", "p 20", *negatives[1:]))], kind="query").tolist() == [[0.1]]


def test_an_encoder_that_gives_all_texts_one_vector_ranks_none_of_them_first() -> None:
    rows = [Example((f"{name} 7", f"p{name} 7")) for name in "abcde"]
    assert reciprocal_ranks(Compass(), rows, kind="query").tolist() == [[1 / 3]] * 5  # the middle of five


def test_spearman_equals_scipys_and_is_zero_for_constant_scores() -> None:
    angles, scores = [10, 50, 20, 90, 20], [0.9, 0.5, 0.6, 0.1, 0.6]
    rows = [Example(("a 0", f"b {angle}"), score) for angle, score in zip(angles, scores, strict=True)]
    expected = spearmanr(np.cos(np.radians(angles)), scores).statistic
    assert spearman(cosines_and_labels(Compass(), rows)) == pytest.approx(expected)
    assert spearman(cosines_and_labels(Compass(), [Example(row.texts, 1.0) for row in rows])) == 0


def test_area_under_curve_is_the_chance_that_an_alike_pair_is_nearer() -> None:
    rows = [Example(("a 0", f"b {angle}"), label) for angle, label in ((10, 1), (20, 0), (30, 1), (40, 0))]
    seen = cosines_and_labels(Compass(), rows)
    assert area_under_curve(seen) == 3 / 4
    assert area_under_curve(seen[:1]) == 0.5


def test_neighbour_accuracy_leaves_the_text_itself_out() -> None:
    rows = [Example((f"a {angle}",), label) for angle, label in ((0, 0), (1, 0), (50, 1), (80, 0), (52, 1))]
    assert mean(neighbours_of_own_class(Compass(), rows)) == 4 / 5
