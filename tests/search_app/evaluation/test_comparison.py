"""A comparison has the figures that can be worked out on paper, and a picture with nothing of others in it."""

from xml.etree import ElementTree

import pytest

from search_app.evaluation import Comparison, compare
from search_app.evaluation.chart import comparison_svg
from search_app.evaluation.comparison import Moved, Run

QRELS = {"first": {"a": 1}, "second": {"b": 1}, "third": {"c": 1}}
GOOD = Run("good", "generation 2", {"first": ["a"], "second": ["b", "x"], "third": ["c"]})
BAD = Run("bad", "generation 1", {"first": ["a", "x"], "second": ["x", "b"]})


def compared(*runs: Run) -> Comparison:
    return compare(runs, QRELS, collection="docs", metric="RR@10")


def test_a_pair_is_compared_query_by_query() -> None:
    found = compared(BAD, GOOD)
    (pair,) = found.pairs
    assert (found.query_count, found.metric) == (3, "RR@10")
    assert [(run.name, run.mean) for run in found.runs] == [("bad", 0.5), ("good", 1.0)]
    assert (pair.first, pair.second, pair.wins, pair.ties, pair.losses) == ("bad", "good", 2, 1, 0)
    assert pair.difference == pytest.approx(0.5)
    assert pair.p_value == pytest.approx(2 / 4)  # of the four ways to sign two differences, two are as far from 0
    assert pair.corrected_p == pair.p_value
    assert pair.moved == (Moved("third", 0.0, 1.0), Moved("second", 0.5, 1.0))


def test_several_runs_are_compared_pair_by_pair_with_correction() -> None:
    found = compared(BAD, GOOD, Run("same", "generation 2", GOOD.rankings))
    assert [(pair.first, pair.second, pair.corrected_p) for pair in found.pairs] == [
        ("bad", "good", 1.0),
        ("bad", "same", 1.0),
        ("good", "same", None),
    ]


def test_unjudged_is_the_share_of_what_nobody_judged() -> None:
    assert [run.unjudged for run in compared(BAD, GOOD).runs] == [2 / 4, 1 / 4]


def test_an_interval_holds_its_mean() -> None:
    for run in compared(BAD, GOOD).runs:
        assert run.low <= run.mean <= run.high


@pytest.mark.parametrize(
    "runs", [(BAD, GOOD), (BAD, Run("<script>&", "", GOOD.rankings)), (GOOD, Run("same", "", GOOD.rankings))]
)
def test_the_chart_is_one_svg_with_every_text_escaped(runs: tuple[Run, Run]) -> None:
    picture = comparison_svg(compared(*runs))
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert runs[1].name in texts
    assert "RR@10 on 3 judged queries of docs" in texts
    assert len([element for element in root.iter() if element.tag.endswith("}rect")]) == 1 + len(QRELS)
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
