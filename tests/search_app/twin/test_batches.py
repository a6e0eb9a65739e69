import random
from collections import Counter

from search_app.twin.batches import apart, by_class, in_order, plan_batches
from search_app.twin.examples import Example, query_positive


def test_every_row_comes_once_in_every_epoch() -> None:
    rows = [query_positive(f"q{n}", f"p{n}") for n in range(50)]
    for order in (apart, in_order):
        plan = plan_batches(rows, 8, order=order, epochs=3, seed=1)
        assert Counter(number for batch in plan for number in batch) == dict.fromkeys(range(50), 3)
        assert max(len(batch) for batch in plan) == 8


def test_a_plan_depends_on_the_seed_and_every_epoch_has_its_own_order() -> None:
    rows = [query_positive(f"q{n}", f"p{n}") for n in range(20)]
    plan = plan_batches(rows, 10, order=apart, epochs=2, seed=5)
    assert plan == plan_batches(rows, 10, order=apart, epochs=2, seed=5)
    assert plan != plan_batches(rows, 10, order=apart, epochs=2, seed=6)
    assert plan[:2] != plan[2:]


def test_no_text_of_a_batch_answers_two_of_its_rows() -> None:
    seed = 20260
    chance = random.Random(seed)
    rows = [
        query_positive(f"q{chance.randrange(30)}", f"p{chance.randrange(40)}", [f"n{chance.randrange(60)}"])
        for _ in range(300)
    ]
    answers = {(row.texts[0], row.texts[1]) for row in rows}
    for batch in plan_batches(rows, 16, order=apart, seed=seed):
        counts = Counter(text for number in batch for text in rows[number].texts)
        assert all(counts[text] == 1 for number in batch for text in rows[number].texts[:2]), f"seed {seed}"
        for one in batch:
            for other in batch:
                foreign = rows[other].texts[1:]
                assert one == other or not any((rows[one].texts[0], text) in answers for text in foreign)


def test_two_positives_of_one_query_never_meet_even_when_one_answers_another_query() -> None:
    rows = [query_positive("q1", "A"), query_positive("Q1 ", "B"), query_positive("q2", "b")]
    for seed in range(10):
        assert plan_batches(rows, 3, order=apart, seed=seed) == []


def test_rows_that_have_a_negative_in_common_may_meet() -> None:
    rows = [query_positive(f"q{number}", f"p{number}", ["n", f"n{number}"]) for number in range(4)]
    assert [len(batch) for batch in plan_batches(rows, 4, order=apart)] == [4]
    as_positive = [*rows, query_positive("q", "n")]
    assert [len(batch) for batch in plan_batches(as_positive, 5, order=apart)] == [4]


def test_classes_meet_themselves_and_others_in_a_batch() -> None:
    rows = [Example((f"text {n}",), float(n % 5)) for n in range(100)]
    plan = plan_batches(rows, 16, order=by_class, seed=2)
    assert sorted(number for batch in plan for number in batch) == list(range(100))
    for batch in plan:
        counts = Counter(rows[number].label for number in batch)
        assert min(counts.values()) >= 2 or len(batch) < 16
    assert len({frozenset(rows[number].label for number in batch) for batch in plan}) > 1
