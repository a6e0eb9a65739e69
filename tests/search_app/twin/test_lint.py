import math
import random
from collections.abc import Sequence

import pytest

from search_app.errors import TrainingError
from search_app.twin.examples import Example, Examples, Provenance, Shape, query_positive
from search_app.twin.findings import Finding, Severity
from search_app.twin.lint import lint, refuse_errors


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def found(shape: Shape, *rows: Example, held_out: tuple[Example, ...] = ()) -> list[Finding]:
    return lint(Examples(shape, rows, held_out), words, max_tokens=6)


GOOD = (query_positive("q1", "p1", ["n1"]), query_positive("q2", "p2"))


def test_good_examples_have_no_findings() -> None:
    assert found(Shape.QUERIES, *GOOD, held_out=(query_positive("q3", "p1"),)) == []


@pytest.mark.parametrize(
    ("shape", "rows", "expected"),
    [
        (Shape.QUERIES, [query_positive("q", " ")], ("error", "empty", "a text is empty", 1, "q")),
        (
            Shape.QUERIES,
            [query_positive("q", "Yes it is", ["no", "yes  it is"])],
            ("error", "contradicting", "a negative equals the positive", 1, "q"),
        ),
        (
            Shape.LABELLED_PAIRS,
            [Example(("a", "b"), 2), Example(("c", "d"), 0)],
            ("error", "out-of-range", "a label lies outside of 0 to 1", 1, "a"),
        ),
        (
            Shape.SCORED_PAIRS,
            [Example(("a", "b"), math.nan), Example(("c", "d"), 0.5)],
            ("error", "out-of-range", "a label lies outside of -1 to 1", 1, "a"),
        ),
        (
            Shape.SCORED_PAIRS,
            [Example(("a", "b"), 0.5), Example(("c", "d"), 0.5)],
            ("error", "constant", "all labels are the same", 2, "a"),
        ),
        (
            Shape.LABELLED_PAIRS,
            [Example(("a", "b"), 0), Example(("c", "d"), 0)],  # no positives
            ("error", "constant", "all labels are the same", 2, "a"),
        ),
        (
            Shape.SCORED_PAIRS,
            [Example(("a", "A"), 0.0), Example(("c", "d"), 0.9)],
            ("warning", "turned-round", "equal texts have a low score; the scale may be turned round", 1, "a"),
        ),
        (
            Shape.QUERIES,
            [*GOOD, query_positive("Q1", "p1", ["N1"])],
            ("warning", "duplicates", "a row is there more than once", 2, "q1"),
        ),
        (
            Shape.LABELLED_PAIRS,
            [Example(("a", "b"), 0), Example(("c", "d"), 1), Example(("A", "b"), 1)],
            ("warning", "disagreeing", "the same texts have different labels", 2, "a"),
        ),
        (
            Shape.QUERIES,
            [*GOOD, query_positive("q1", "p3")],
            ("warning", "many-positives", "a query has several positives; they never share a batch", 2, "q1"),
        ),
        (
            Shape.QUERIES,
            [*GOOD, query_positive("q3", "one two three four five six seven eight")],
            (
                "warning",
                "truncated",
                "a text is cut at 6 tokens; 14% of all tokens are lost",
                1,
                "one two three four five six seven eight",
            ),
        ),
    ],
)
def test_each_fault_is_found_and_counted(
    shape: Shape, rows: list[Example], expected: tuple[str, str, str, int, str]
) -> None:
    (finding,) = found(shape, *rows)
    assert (finding.severity.value, finding.rule, finding.what, finding.count, finding.sample) == expected
    assert finding.advice.endswith(".")


def test_a_negative_that_answers_its_query_in_another_row_is_an_error() -> None:
    findings = found(Shape.QUERIES, *GOOD, query_positive("Q1", "p3", ["P1"]))
    assert [(one.severity, one.rule, one.what, one.sample) for one in findings] == [
        (Severity.ERROR, "contradicting", "a negative is a positive of the same query in another row", "Q1"),
        (Severity.WARNING, "many-positives", "a query has several positives; they never share a batch", "q1"),
    ]


def scored(rows: int, *, seed: int, sign: int) -> list[Example]:
    """Pairs with random words in common, whose score is their share (or, with sign -1, what is left of it)."""
    chance = random.Random(seed)
    pairs = []
    for number in range(rows):
        common = chance.randrange(6)
        left = [f"{number}-{n}" for n in range(5)]
        right = [*left[:common], *(f"{number}+{n}" for n in range(5 - common))]
        pairs.append(Example((" ".join(left), " ".join(right)), common / 5 if sign > 0 else 1 - common / 5))
    return pairs


def test_reversed_scores_are_found_by_the_words_that_texts_share() -> None:
    (finding,) = found(Shape.SCORED_PAIRS, *[row for row in scored(60, seed=4, sign=-1) if row.label != 0])
    assert (finding.rule, finding.what) == (
        "turned-round",
        "scores fall as texts share more words (rank correlation -1.00); the scale may be reversed",
    )
    assert found(Shape.SCORED_PAIRS, *scored(60, seed=4, sign=1)) == []


def test_an_overlap_with_the_held_out_part_is_a_warning() -> None:
    (finding,) = found(Shape.QUERIES, *GOOD, held_out=(query_positive("Q2", "p9"),))
    assert (finding.severity, finding.what, finding.sample) == (
        Severity.WARNING,
        "a held-out text is trained on too; its figures flatter",
        "Q2",
    )


def test_a_held_out_pair_is_found_in_either_order() -> None:
    rows = (Example(("a", "b"), 0.0), Example(("c", "d"), 1.0))
    (finding,) = found(Shape.LABELLED_PAIRS, *rows, held_out=(Example(("D", "C"), 1.0), Example(("d", "e"), 1.0)))
    assert (finding.rule, finding.count, finding.sample) == ("overlap", 1, "D")


def test_what_was_noticed_while_gathering_stands_among_the_findings() -> None:
    noticed = Finding(Severity.WARNING, "conflict", "people disagree", 1, "q", "Ask them.")
    examples = Examples(Shape.QUERIES, GOOD, provenance=Provenance(findings=(noticed,)))
    assert lint(examples, words, max_tokens=6) == [noticed]


def test_errors_stop_and_warnings_do_not() -> None:
    warnings = found(Shape.QUERIES, *GOOD, *GOOD)
    refuse_errors(warnings)
    findings = found(Shape.QUERIES, *GOOD, *GOOD, query_positive("q5", ""))
    assert [finding.severity for finding in findings] == [Severity.ERROR, Severity.WARNING]
    with pytest.raises(TrainingError) as caught:
        refuse_errors(findings)
    assert str(caught.value) == (
        "The examples can't be trained on: a text is empty (1, such as 'q5'). Mend or remove these rows."
    )
