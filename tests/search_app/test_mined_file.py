"""What mining writes is what training reads."""

import json
from pathlib import Path

from search_app.mined_file import write_mined
from search_app.twin.examples import query_positive
from search_app.twin.negatives import MinedQuery


def test_each_example_is_a_line_also_with_text_that_no_file_can_hold(tmp_path: Path) -> None:
    examples = (query_positive("café", "p \ud800", ["n", "m"]), query_positive("café", "q"))
    outcome = write_mined(tmp_path / "mined.jsonl", [MinedQuery("café", examples, (), 2)])
    assert (outcome.query_count, outcome.example_count, outcome.negative_count) == (1, 2, 2)
    first, second = (tmp_path / "mined.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first) == {"query": "café", "positive": "p \ud800", "negative_1": "n", "negative_2": "m"}
    assert second == '{"query": "café", "positive": "q"}'
    assert [path.name for path in tmp_path.iterdir()] == ["mined.jsonl"]
