"""The gate switches for a gain beyond chance only, and says how many queries would settle what is open."""

import math
from random import Random

import numpy as np
import pytest

from search_app.evaluation import bootstrap_interval
from search_app.gate.collapse import has_collapsed, mean_pair_cosine
from search_app.gate.decision import Ruling, decide, needed_count


def test_a_gain_that_is_beyond_chance_passes() -> None:
    decision = decide([0.5] * 5 + [0.0] * 5)
    assert decision.p_value == pytest.approx(1 / 32)  # one of the 2^5 ways to give five halves a sign
    assert (decision.ruling, decision.wins, decision.losses, decision.ties) == (Ruling.BETTER, 5, 0, 5)
    assert decision.ruling.is_passed


def test_a_gain_that_may_be_chance_does_not_pass() -> None:
    decision = decide([0.5] * 4)
    assert decision.p_value == pytest.approx(1 / 16)
    assert (decision.ruling, decision.ruling.is_passed) == (Ruling.UNDECIDED, False)


def test_a_loss_and_no_difference_do_not_pass() -> None:
    assert decide([-0.5, 0.1, 0.0]).ruling is Ruling.WORSE
    same = decide([0.0, 0.0])
    assert (same.ruling, same.p_value, same.needed_count) == (Ruling.UNDECIDED, None, None)


def test_within_a_margin_a_small_loss_passes_and_a_large_one_does_not() -> None:
    losses = [-0.01] * 30
    assert decide(losses).ruling is Ruling.WORSE
    assert decide(losses, margin=0.02).ruling is Ruling.NOT_WORSE
    assert decide(losses, margin=0.005).ruling is Ruling.WORSE


def test_equal_generations_pass_where_a_margin_is_put_up_with() -> None:
    assert decide([0.0] * 10, margin=0.01).ruling is Ruling.NOT_WORSE


def test_a_gain_that_may_be_chance_passes_by_the_margin_only() -> None:
    gains = [0.04, -0.02] * 6
    assert decide(gains).ruling is Ruling.UNDECIDED
    assert decide(gains, margin=0.05).ruling is Ruling.NOT_WORSE
    clear = decide([0.5] * 8, margin=0.05)
    assert (clear.ruling, clear.p_value) == (Ruling.BETTER, pytest.approx(1 / 256))


def test_the_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    draw = Random(1)
    few = [draw.gauss(0.1, 0.3) for _ in range(20)]
    low, high = bootstrap_interval(few)
    wide = 2 * 1.96 * math.sqrt(sum((one - sum(few) / 20) ** 2 for one in few) / 20 / 20)
    assert low < sum(few) / 20 < high
    assert high - low == pytest.approx(wide, rel=0.1)
    more = bootstrap_interval(few * 16)
    assert more[1] - more[0] == pytest.approx((high - low) / 4, rel=0.1)


def test_the_queries_that_would_decide_follow_from_size_and_spread() -> None:
    differences = [0.3, -0.1] * 10  # mean 0.1, standard deviation 0.2052
    spread = math.sqrt(20 * 0.04 / 19)
    assert needed_count(differences) == math.ceil(((1.645 + 0.842) * spread / 0.1) ** 2)
    assert needed_count([0.5]) is None
    assert needed_count([-0.1, 0.05]) is None


def test_so_many_queries_do_decide_it_four_times_in_five() -> None:
    seed = 7
    draw = Random(seed)
    population = [0.3] * 45 + [-0.1] * 40 + [0.0] * 15
    wanted = needed_count(population)
    assert wanted is not None
    decided = sum(decide(draw.choices(population, k=wanted)).ruling is Ruling.BETTER for _ in range(25))
    assert 0.6 <= decided / 25 <= 0.98, f"seed {seed}"


def test_by_chance_alone_one_comparison_in_twenty_passes_at_most() -> None:
    seed = 11
    draw = Random(seed)
    passed = sum(decide([draw.gauss(0, 0.3) for _ in range(30)]).ruling.is_passed for _ in range(25))
    assert passed <= 5, f"seed {seed}"  # 1 is expected; 6 would come once in six hundred


def test_vectors_that_are_one_have_a_mean_cosine_of_one() -> None:
    same = np.tile(np.array([[0.6, 0.8]], dtype=np.float32), (5, 1))
    apart = np.eye(4, dtype=np.float32)
    assert mean_pair_cosine(same) == pytest.approx(1)
    assert mean_pair_cosine(apart) == pytest.approx(0)


def test_a_collapse_is_one_only_where_the_live_encoder_tells_apart() -> None:
    assert has_collapsed(0.95, 0.2)
    assert not has_collapsed(0.95, 0.93)  # the documents are alike, for whoever reads them
    assert not has_collapsed(0.5, 0.2)
    assert not has_collapsed(None, None)
