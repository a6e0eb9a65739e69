import pytest

from search_app.twin.examples import Example, Examples, Shape, query_positive, same_text, set_aside


def queries(count: int, positives: int = 1) -> Examples:
    rows = [query_positive(f"query {n}", f"answer {n}.{m}") for n in range(count) for m in range(positives)]
    return Examples(Shape.QUERIES, tuple(rows))


def test_all_rows_of_a_query_are_held_out_together() -> None:
    divided = set_aside(queries(40, positives=3), share=0.25, seed=1)
    held_out = {row.texts[0] for row in divided.held_out}
    assert len(held_out) == 10
    assert len(divided.held_out) == 30
    assert held_out.isdisjoint(row.texts[0] for row in divided.rows)


def test_the_held_out_part_depends_on_the_seed_alone() -> None:
    examples = queries(60)
    assert set_aside(examples, share=0.2, seed=3) == set_aside(examples, share=0.2, seed=3)
    assert set_aside(examples, share=0.2, seed=3) != set_aside(examples, share=0.2, seed=4)


def test_a_given_held_out_part_and_few_examples_are_left_as_they_are() -> None:
    few = queries(19)
    given = Examples(Shape.QUERIES, queries(40).rows, held_out=(Example(("a", "b")),))
    assert set_aside(few, share=0.5, seed=0) == few
    assert set_aside(given, share=0.5, seed=0) == given


def test_case_and_white_space_do_not_make_another_text() -> None:
    assert same_text(" Copy  a\nFILE ") == same_text("copy a file")


@pytest.mark.parametrize(
    "other",
    [
        Examples(Shape.TRIPLETS, queries(2).rows),
        Examples(Shape.QUERIES, queries(2).rows[::-1]),
        Examples(Shape.QUERIES, queries(2).rows[:1], held_out=queries(2).rows[1:]),
    ],
)
def test_the_digest_differs_where_training_would(other: Examples) -> None:
    assert queries(2).digest == queries(2).digest
    assert queries(2).digest != other.digest
