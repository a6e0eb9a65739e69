"""A comparison as one SVG file that needs nothing else: the means with their intervals, then the first pair by query.

Every text in it is escaped. Colours are the same in light and dark, on a background of its own.
"""

from collections.abc import Iterator, Sequence
from html import escape

from search_app.evaluation.comparison import Comparison, RunFigures

_WIDTH = 720
_LABEL = 210  # for names, at the left
_ROW = 26
_HEAD = 44
_BARS = 150  # height of the queries' part
_GAIN, _LOSS, _INK, _FAINT = "#1a7f5a", "#c0392b", "#1f2933", "#9aa5b1"
_STYLE = "font-family:system-ui,sans-serif;font-size:13px"


def comparison_svg(comparison: Comparison) -> str:
    """The picture."""
    bars_top = _HEAD + _ROW * len(comparison.runs) + 70
    height = bars_top + _BARS + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'style="{_STYLE}" role="img">',
        f"<title>{escape(_title(comparison))}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, _title(comparison), weight="600"),
        *_means(comparison.runs),
        *_queries(comparison, bars_top),
        "</svg>",
    ]
    return "\n".join(parts)


def _title(comparison: Comparison) -> str:
    return f"{comparison.metric} on {comparison.query_count:,} judged queries of {comparison.collection}"


def _means(runs: Sequence[RunFigures]) -> Iterator[str]:
    """A row for each run: its mean as a dot, its 95 % interval as a line."""
    least, most = min(run.low for run in runs), max(run.high for run in runs)
    scale = (_WIDTH - _LABEL - 110) / ((most - least) or 1.0)
    for row, run in enumerate(runs):
        y = _HEAD + _ROW * row + 16
        low, mean, high = (_LABEL + (value - least) * scale for value in (run.low, run.mean, run.high))
        yield _text(16, y + 4, run.name)
        yield f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{_FAINT}" stroke-width="3"/>'
        yield f'<circle cx="{mean:.1f}" cy="{y}" r="5" fill="{_INK}"/>'
        yield _text(_WIDTH - 90, y + 4, f"{run.mean:.4f}")


def _queries(comparison: Comparison, top: int) -> Iterator[str]:
    """A bar for each query of the first pair, the largest gain first."""
    pair = comparison.pairs[0]
    first, second = comparison.values[pair.first], comparison.values[pair.second]
    differences = sorted((second[query] - value for query, value in first.items()), reverse=True)
    most = max(map(abs, differences)) or 1.0
    middle, width = top + _BARS / 2, (_WIDTH - 32) / len(differences)
    caption = f"{pair.second} against {pair.first}: {pair.wins} better, {pair.ties} equal, {pair.losses} worse"
    yield _text(16, top - 16, caption, weight="600")
    for place, difference in enumerate(differences):
        length = abs(difference) / most * _BARS / 2
        y = middle - length if difference > 0 else middle
        colour = _GAIN if difference > 0 else _LOSS
        yield (
            f'<rect x="{16 + place * width:.2f}" y="{y:.1f}" width="{max(width - 0.5, 0.3):.2f}" '
            f'height="{length:.1f}" fill="{colour}"/>'
        )
    yield f'<line x1="16" y1="{middle}" x2="{_WIDTH - 16}" y2="{middle}" stroke="{_FAINT}"/>'
    yield _text(16, top + _BARS + 24, f"a bar a query; the longest is a change of {most:.2f}", colour=_FAINT)


def _text(x: float, y: float, text: str, *, weight: str = "400", colour: str = _INK) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" font-weight="{weight}">{escape(text)}</text>'
