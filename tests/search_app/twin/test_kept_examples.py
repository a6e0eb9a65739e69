from pathlib import Path

from search_app.twin.examples import Example, Examples, Provenance, Shape, query_positive
from search_app.twin.findings import Finding, Severity
from search_app.twin.kept_examples import keep_examples, kept_examples

FINDING = Finding(Severity.WARNING, "conflict", "people disagree", 2, "q · d", "Ask them.")
MINED = Examples(
    Shape.QUERIES,
    (query_positive("wie\u2028geht's?", "so\n", ["n1", "n2"]), query_positive("\ud83d lone", "p")),
    (query_positive("h", "p"),),
    provenance=Provenance({"judgements": 2, "mined negatives": 2}, {"query": "the query"}, (FINDING,)),
)
SCORED = Examples(Shape.SCORED_PAIRS, (Example(("a", "b"), 0.25), Example(("c", "d"), 1.0)), score_range=(0.0, 5.0))
CLASSED = Examples(Shape.CLASSES, (Example(("a",), 0.0), Example(("b",), 1.0)), classes=("no", "yes"))


def test_what_was_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    for examples in (MINED, SCORED, CLASSED):
        keep_examples(tmp_path / "examples.jsonl", "key", examples)
        assert kept_examples(tmp_path / "examples.jsonl", "key") == examples
    assert [path.name for path in tmp_path.iterdir()] == ["examples.jsonl"]


def test_by_another_key_nothing_is_found(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    assert kept_examples(path, "key") is None
    keep_examples(path, "key", MINED)
    assert kept_examples(path, "other") is None


def test_a_writing_that_was_cut_off_leaves_what_was_kept_before(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    keep_examples(path, "key", MINED)
    path.with_suffix(".new").write_text('{"key": "la')
    assert kept_examples(path, "key") == MINED
