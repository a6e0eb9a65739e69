"""Chances are those that can be counted, and intervals those that other ways to work them out give."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from search_app.evaluation import bootstrap_interval, permutation_p
from search_app.evaluation.significance import holm


def test_the_chance_of_a_difference_is_that_of_all_signs_being_equal() -> None:
    differences = [0.5, 0.5, 0.5, 0.0]
    assert permutation_p(differences) == pytest.approx(1 / 8)  # of the eight ways to sign three halves, one is as good
    assert permutation_p(differences, alternative="two-sided") == pytest.approx(2 / 8)
    assert permutation_p([-0.5, -0.5]) == 1
    assert permutation_p([0.0, 0.0]) is None


def test_a_single_difference_shows_nothing() -> None:
    assert (permutation_p([0.4]), permutation_p([-0.4])) == (0.5, 1.0)
    assert permutation_p([0.4], alternative="two-sided") == 1.0


def test_an_interval_is_near_that_of_the_t_distribution() -> None:
    random = Random(8)
    values = [random.gauss(0.1, 0.3) for _ in range(300)]
    t_interval = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert bootstrap_interval(values) == pytest.approx(t_interval, abs=0.004)
    assert bootstrap_interval([0.25]) == (0.25, 0.25)


def test_holm_corrects_as_in_its_textbook_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == [0.02]


def test_holm_counts_a_test_without_any_difference() -> None:
    assert holm([None, 0.01]) == [None, pytest.approx(0.02)]
