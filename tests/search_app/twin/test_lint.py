import math

import pytest

from search_app.errors import TrainingError
from search_app.twin.examples import Example, Examples, Shape, query_positive
from search_app.twin.lint import Finding, Severity, lint, refuse_errors


def words(text: str) -> int:
    return len(text.split())


def found(shape: Shape, *rows: Example, held_out: tuple[Example, ...] = ()) -> list[Finding]:
    return lint(Examples(shape, rows, held_out), words, max_tokens=6)


GOOD = (query_positive("q1", "p1", ["n1"]), query_positive("q2", "p2"))


def test_good_examples_have_no_findings() -> None:
    assert found(Shape.QUERIES, *GOOD, held_out=(query_positive("q3", "p1"),)) == []


@pytest.mark.parametrize(
    ("shape", "rows", "finding"),
    [
        (Shape.QUERIES, [query_positive("q", " ")], Finding(Severity.ERROR, "a text is empty", 1, "q")),
        (
            Shape.QUERIES,
            [query_positive("q", "Yes it is", ["no", "yes  it is"])],
            Finding(Severity.ERROR, "a negative equals the positive", 1, "q"),
        ),
        (
            Shape.LABELLED_PAIRS,
            [Example(("a", "b"), 2), Example(("c", "d"), 0)],
            Finding(Severity.ERROR, "a label lies outside of 0 to 1", 1, "a"),
        ),
        (
            Shape.SCORED_PAIRS,
            [Example(("a", "b"), math.nan), Example(("c", "d"), 0.5)],
            Finding(Severity.ERROR, "a label lies outside of -1 to 1", 1, "a"),
        ),
        (
            Shape.SCORED_PAIRS,
            [Example(("a", "b"), 0.5), Example(("c", "d"), 0.5)],
            Finding(Severity.ERROR, "all labels are the same", 2, "a"),
        ),
        (
            Shape.SCORED_PAIRS,
            [Example(("a", "A"), 0.0), Example(("c", "d"), 0.9)],
            Finding(Severity.WARNING, "equal texts have a low score; the scale may be turned round", 1, "a"),
        ),
        (
            Shape.QUERIES,
            [*GOOD, query_positive("Q1", "p1", ["N1"])],
            Finding(Severity.WARNING, "a row is there more than once", 2, "q1"),
        ),
        (
            Shape.QUERIES,
            [*GOOD, query_positive("q1", "p3")],
            Finding(Severity.WARNING, "a query has several positives; they never share a batch", 2, "q1"),
        ),
        (
            Shape.QUERIES,
            [*GOOD, query_positive("q3", "one two three four five six seven eight")],
            Finding(
                Severity.WARNING,
                "a text is cut at 6 tokens; 14% of all tokens are lost",
                1,
                "one two three four five six seven eight",
            ),
        ),
    ],
)
def test_each_fault_is_found_and_counted(shape: Shape, rows: list[Example], finding: Finding) -> None:
    assert found(shape, *rows) == [finding]


def test_an_overlap_with_the_held_out_part_is_a_warning() -> None:
    findings = found(Shape.QUERIES, *GOOD, held_out=(query_positive("Q2", "p9"),))
    assert findings == [Finding(Severity.WARNING, "a held-out text is trained on too; its figures flatter", 1, "Q2")]


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
