"""The report of a loop as one page of HTML that needs nothing else; whatever came from outside is escaped."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from search_app.catalog.judgements import JudgementCounts, Split
from search_app.gate.verdict import Verdict
from search_app.learning.moved import MovedQuery
from search_app.twin.report_page import curve_html, data_rows, held_out_curve, page_html, table_html
from search_app.twin.training_report import TrainingReport

_BAR_WIDTH, _BAR_HEIGHT = 640, 160  # of the picture of all differences, in CSS pixels


def learning_page(
    title: str,
    told: Sequence[str],
    training: TrainingReport,
    counts: JudgementCounts,
    verdict: Verdict | None,
    moved: Sequence[MovedQuery],
) -> str:
    """The whole page: how it ended, what was learned from, how training went, and which queries moved.

    Args:
        told: Paragraphs about training, preview and gate.
    """
    return page_html(
        title,
        [
            f"<h1>{escape(title)}</h1>",
            *(f"<p>{escape(paragraph)}</p>" for paragraph in told),
            "<h2>Judgements</h2>",
            table_html(_split_rows(counts)),
            *_training_parts(training),
            *(_gate_parts(verdict) if verdict else ()),
            *moved_parts(moved),
        ],
    )


def _split_rows(counts: JudgementCounts) -> list[tuple[str, str]]:
    return [
        ("judgements", f"{counts.judgement_count:,}"),
        ("queries to learn from", f"{counts.query_counts[Split.TRAIN]:,}"),
        ("queries held out for the gate", f"{counts.query_counts[Split.HELDOUT]:,}"),
    ]


def _training_parts(training: TrainingReport) -> Iterator[str]:
    yield "<h2>What was learned from</h2>"
    yield table_html(data_rows(training))
    if training.findings:
        yield "<h2>What the check of the examples found</h2>"
        yield table_html((f"{one.severity}: {one.what}", f"{one.count:,}; {one.advice}") for one in training.findings)
    for name in training.after:
        caption = f"{name} on examples set aside in training"
        yield curve_html(caption, held_out_curve(training, name), best=training.best_step)
    yield curve_html("Loss in training", training.loss_curve)


def _gate_parts(verdict: Verdict) -> Iterator[str]:
    yield "<h2>Each held-out query: gain or loss of nDCG@10</h2>"
    yield _bars([after - before for _, before, after in _all_moved(verdict)])
    yield table_html((one.name, one.text) for one in verdict.guards)


def _all_moved(verdict: Verdict) -> list[tuple[str, float, float]]:
    return [*verdict.moved(gained=True), *reversed(verdict.moved(gained=False))]


def _bars(differences: Sequence[float]) -> str:
    """A bar for each query that moved, from the largest gain to the largest loss."""
    if not differences:
        return "<p>No query moved.</p>"
    width, middle = _BAR_WIDTH / len(differences), _BAR_HEIGHT / 2
    bars = "".join(
        f'<rect x="{place * width:.2f}" y="{middle - max(one, 0) * middle:.2f}" width="{width * 0.8:.2f}" '
        f'height="{abs(one) * middle:.2f}" fill="{"#0b62b8" if one > 0 else "#b3421c"}"/>'
        for place, one in enumerate(differences)
    )
    label = f"{sum(one > 0 for one in differences)} queries gained, {sum(one < 0 for one in differences)} lost"
    line = f'<line x1="0" y1="{middle}" x2="{_BAR_WIDTH}" y2="{middle}"/>'
    return f'<svg viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" role="img" aria-label="{label}">{line}{bars}</svg>'


def moved_parts(moved: Sequence[MovedQuery]) -> Iterator[str]:
    """A table of the queries that moved, escaped; nothing where none did."""
    if moved:
        yield "<h2>The queries that moved most</h2><table><tr><th>query</th><th>nDCG@10</th><th>first hits before</th>"
        yield "<th>first hits after</th></tr>"
        for one in moved:
            yield f"<tr><td>{escape(one.query)}</td><td>{one.before:.2f} → {one.after:.2f}</td>"
            yield f"<td>{_listed(one.hits_before)}</td><td>{_listed(one.hits_after)}</td></tr>"
        yield "</table>"


def _listed(titles: Iterable[str]) -> str:
    return "<br>".join(escape(one) for one in titles)
