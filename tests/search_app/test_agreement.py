from collections.abc import Sequence

import pytest
from sklearn.metrics import cohen_kappa_score

from search_app.agreement import Agreement, Conflict, PairAgreement, agreement_of, cohen_kappa
from search_app.catalog.judgements import Judgement, Split


def judgement(user: str, query: str, document_id: str, grade: int | None) -> Judgement:
    return Judgement(1, 1, query, document_id, "", "", grade, user, None, "", None, (), Split.TRAIN, 0.0)


def test_an_answer_to_one_that_is_none_to_another_is_a_conflict_whatever_its_grade() -> None:
    said = [("ann", "cat", "a", 1), ("bob", "cat", "a", 0), ("ann", "cat", "b", 1), ("bob", "cat", "b", 2)]
    assert agreement_of(judgement(*one) for one in said).conflicts == (Conflict("cat", "a", (("bob", 0), ("ann", 1))),)


def test_people_agree_on_what_both_judged_and_contradict_each_other_two_grades_apart() -> None:
    said = [
        ("ann", "cat", "a", 3),
        ("bob", "Cat ", "a", 0),
        ("ann", "cat", "b", 2),
        ("bob", "cat", "b", 2),
        ("eve", "cat", "b", 1),
        ("ann", "dog", "a", 1),
        ("bob", "dog", "a", None),
    ]
    found = agreement_of(judgement(*one) for one in said)
    assert found == Agreement(
        pairs=(
            PairAgreement("ann", "bob", 2, 0.5, pytest.approx(1 / 3)),  # type: ignore[arg-type]
            PairAgreement("ann", "eve", 1, 0.0, 0.0),
            PairAgreement("bob", "eve", 1, 0.0, 0.0),
        ),
        conflicts=(Conflict("cat", "a", (("bob", 0), ("ann", 3))),),
    )


@pytest.mark.parametrize(
    "grades",
    [
        [(3, 3), (2, 2), (0, 0)],
        [(3, 0), (0, 3), (1, 1), (2, 1)],
        [(0, 1), (1, 2), (2, 3), (3, 0)],
        [(2, 2), (2, 2), (2, 0), (0, 2), (1, 1)],
    ],
)
def test_kappa_is_that_of_another_implementation(grades: Sequence[tuple[int, int]]) -> None:
    first, second = zip(*grades, strict=True)
    assert cohen_kappa(grades) == pytest.approx(cohen_kappa_score(first, second))


def test_two_who_give_one_grade_throughout_have_no_kappa() -> None:
    assert cohen_kappa([(2, 2), (2, 2)]) is None
