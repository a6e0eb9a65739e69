"""What a run leaves for programs and for people."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap

from search_app.twin.examples import Example, Examples, Provenance, Shape
from search_app.twin.findings import Finding, Severity
from search_app.twin.held_out import Figure, interval_of_gain, mean, spearman
from search_app.twin.report_page import report_page
from search_app.twin.training_report import Gain, TrainingReport, read_report, report_json

REPORT = TrainingReport(
    base="base",
    base_fingerprint="b" * 64,
    fingerprint="f" * 64,
    run="r" * 64,
    shape="query,positive",
    loss="in-batch-negatives",
    teacher=None,
    sources={"judgements": 40, "mined negatives": 160},
    example_count=40,
    held_out_count=4,
    step_count=20,
    best_step=10,
    loss_curve=((5, 2.0), (10, 1.5), (15, 1.25), (20, 1.0)),
    held_out_curve=((10, {"loss": 0.5, "RR@10": 0.75}), (20, {"loss": 0.625, "RR@10": 0.5})),
    before={"loss": 1.0, "RR@10": 0.5},
    after={"loss": 0.5, "RR@10": 0.75},
    gain=Gain("RR@10", 0.5, 0.75, -0.125, 0.5, ((0.0,), (1.0,)), ((0.5,), (1.0,))),
    settings={"epochs": 3, "patience": None, "dims": []},
    findings=(Finding(Severity.WARNING, "duplicate", "a row is there twice", 2, "<script>alert(1)</script>", "Mend."),),
    seconds=61.4,
    process_count=1,
)


class Seen(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_report_that_is_read_again_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(report_json(REPORT))
    assert read_report(tmp_path) == REPORT
    (tmp_path / "report.json").write_text(report_json(replace(REPORT, gain=None)))
    assert read_report(tmp_path) == replace(REPORT, gain=None)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"base": "of another version"}'])
def test_what_is_no_report_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    assert read_report(tmp_path) is None


def test_the_page_says_what_was_done_and_what_came_of_it() -> None:
    seen = Seen(report_page(REPORT, "pets-1"))
    assert seen.open == []
    assert (
        "Encoder 'pets-1' began as 'base' and has learned from 40 examples in 20 steps with the loss "
        "'in-batch-negatives'; the weights of step 10 were kept. It took 61 seconds. RR@10 on 4 held-out examples went "
        "from 0.5000 to 0.7500, a change of +0.2500 (95 % interval -0.1250 to +0.5000)."
    ) in seen.words
    for words in ("judgements40", "mined negatives160", "warning: a row is there twice", "patiencenot set"):
        assert words in seen.words
    assert seen.tags.count("polyline") == 3  # loss and figure on what was held out, and the loss in training


def test_the_page_fetches_nothing_and_runs_nothing_whatever_the_examples_hold() -> None:
    evil = replace(REPORT, base='"><img src=x>', sources={"<b>": 1}, loss="</style>")
    page = report_page(evil, "pets-1")
    seen = Seen(page)
    assert not {"script", "img", "b", "link", "iframe", "object"} & set(seen.tags)
    assert not {"src", "href", "onload"} & {name for name, _ in seen.attributes}
    assert re.search(r"https?:|url\(|@import", page) is None
    assert "<script>alert(1)</script>" in seen.words


def test_a_curve_rises_where_the_figure_rises() -> None:
    page = report_page(REPORT, "pets-1")
    lines = [
        [tuple(map(float, point.split(","))) for point in line.split()]
        for line in re.findall(r'points="([^"]+)"', page)
    ]
    loss, figure, training = lines
    assert [x for x, _ in figure] == sorted(x for x, _ in figure)
    heights = [-y for _, y in figure]  # 0.5, 0.75, 0.5
    assert heights[0] == heights[2] < heights[1]
    assert [-y for _, y in training] == sorted((-y for _, y in training), reverse=True)
    assert len(loss) == 3


def test_the_interval_of_a_mean_is_that_of_scipys_bootstrap() -> None:
    draw = np.random.default_rng(5)
    before = draw.uniform(size=(200, 1))
    after = before + draw.normal(0.05, 0.2, size=(200, 1))
    low, high = interval_of_gain(before, after, Figure("x", lambda *_: before, mean))
    expected = bootstrap(((after - before)[:, 0],), np.mean, method="percentile", rng=6).confidence_interval
    assert (low, high) == pytest.approx(tuple(expected), abs=0.004)
    assert low < (after - before).mean() < high


def test_the_interval_of_a_rank_correlation_draws_pairs_and_scores_together() -> None:
    scores = np.linspace(0, 1, 100)
    exact, none = np.column_stack([scores, scores]), np.column_stack([scores[::-1], scores])
    assert interval_of_gain(none, exact, Figure("x", lambda *_: none, spearman)) == pytest.approx((2, 2))
    noisy = np.column_stack([scores + np.random.default_rng(7).normal(0, 0.5, 100), scores])
    low, high = interval_of_gain(noisy, exact, Figure("x", lambda *_: none, spearman))
    assert 0 < low < spearman(exact) - spearman(noisy) < high < 1


def test_a_run_tells_its_base_by_name_its_sources_and_every_held_out_example(
    train_tiny: Callable, forty_queries: Examples, tmp_path: Path
) -> None:
    examples = replace(forty_queries, provenance=Provenance(counts={"judgements": 40}))
    report = train_tiny(examples, held_out_share=0.25, dims=(32, 16))
    assert read_report(tmp_path / "out") == report
    assert (report.base, report.sources) == ("tiny", {"judgements": 40})
    assert str(tmp_path) not in (tmp_path / "out" / "report.html").read_text()
    assert report.gain is not None
    assert report.gain.before == report.before["RR@10"] == pytest.approx(np.mean(report.gain.values_before), abs=1e-5)
    assert report.gain.after == report.after["RR@10"] == pytest.approx(np.mean(report.gain.values_after), abs=1e-5)
    assert len(report.gain.values_after) == 5  # of 20 queries
    assert json.loads((tmp_path / "out" / "report.json").read_text())["gain"]["low"] == report.gain.low


def test_texts_that_no_file_can_hold_are_learned_from_and_reported(train_tiny: Callable, tmp_path: Path) -> None:
    rows = [(f"a\ud800b {number} {'rain ' * 20}", f"the cat {number}") for number in range(3)]
    endless = ("copy", "x" * 1_000_000)  # one word
    report = train_tiny(Examples(Shape.QUERIES, tuple(map(Example, [*rows, endless]))), epochs=1, max_tokens=16)
    (cut,) = report.findings
    assert (cut.rule, cut.count, cut.sample[:3]) == ("truncated", 3, "a\ufffdb")
    assert read_report(tmp_path / "out") == report


def test_a_run_without_a_held_out_part_has_no_gain_and_says_so(train_tiny: Callable, tmp_path: Path) -> None:
    rows = tuple(Example((f"copy {word}", f"the {word}")) for word in ("file", "folder", "roof", "cat"))
    report = train_tiny(Examples(Shape.QUERIES, rows), epochs=1)
    assert (report.before, report.after, report.gain) == ({}, {}, None)
    assert "Nothing was held out" in (tmp_path / "out" / "report.html").read_text()
