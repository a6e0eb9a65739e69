"""A training report as one page of HTML that needs nothing else.

Whatever came from outside (names, samples of texts) is escaped, and nothing is fetched: styles and curves are in the
page. It can be mailed, or opened years later.
"""

from collections.abc import Iterable, Sequence
from html import escape

from search_app.twin.training_report import Curve, TrainingReport

_WIDTH, _HEIGHT, _EDGE = 640, 200, 48  # of a curve's picture, in CSS pixels
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;margin:.5rem 0}th{font-weight:600}"
    "th,td{padding:.15rem 1rem .15rem 0;text-align:left;vertical-align:top}"
    "svg{max-width:100%;height:auto}text{font:12px system-ui,sans-serif;fill:#57606a}"
    "polyline{fill:none;stroke:#0b62b8;stroke-width:2}line{stroke:#d0d7de}circle{fill:#0b62b8}"
)


def report_page(report: TrainingReport, name: str) -> str:
    """The whole page about how the encoder of that name was trained."""
    title = f"Training of {name} ({report.fingerprint[:12]})"
    held_out = [(name, held_out_curve(report, name)) for name in report.after]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(summary(report, name))}</p>",
        *(curve_html(f"{name} on held-out examples", curve, best=report.best_step) for name, curve in held_out),
        curve_html("Loss in training", report.loss_curve),
        "<h2>Data</h2>",
        table_html(data_rows(report)),
        "<h2>Findings</h2>" if report.findings else "",
        table_html(
            (f"{one.severity}: {one.what}", f"{one.count:,}, such as {one.sample!r}") for one in report.findings
        ),
        "<h2>Settings</h2>",
        table_html((name, "not set" if value is None else str(value)) for name, value in report.settings.items()),
    ]
    return page_html(title, parts)


def page_html(title: str, parts: Iterable[str]) -> str:
    """A page of these parts, which are HTML already, in the reports' style."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def summary(report: TrainingReport, name: str) -> str:
    """Two or three sentences: what was done to make the encoder of that name, and what came of it."""
    done = (
        f"Encoder {name!r} began as {report.base!r} and has learned from {report.example_count:,} examples in "
        f"{report.step_count:,} steps with the loss {report.loss!r}; the weights of step {report.best_step:,} were "
        f"kept. It took {report.seconds:,.0f} seconds."
    )
    gain = report.gain
    if gain is None:
        return f"{done} Nothing was held out that a figure could be measured on." if not report.after else done
    return (
        f"{done} {gain.figure} on {report.held_out_count:,} held-out examples went from {gain.before:.4f} to "
        f"{gain.after:.4f}, a change of {gain.after - gain.before:+.4f} (95 % interval {gain.low:+.4f} to "
        f"{gain.high:+.4f})."
    )


def data_rows(report: TrainingReport) -> list[tuple[str, str]]:
    """What was learned from, for a table."""
    return [
        ("columns", report.shape),
        *((source, f"{count:,}") for source, count in report.sources.items()),
        ("trained on", f"{report.example_count:,}"),
        ("held out", f"{report.held_out_count:,}"),
        *([("teacher", report.teacher)] if report.teacher else []),
    ]


def held_out_curve(report: TrainingReport, name: str) -> Curve:
    """A figure on the held-out part by step, from before the first one."""
    begin = ((0, report.before[name]),) if name in report.before else ()
    return begin + tuple((step, figures[name]) for step, figures in report.held_out_curve if name in figures)


def table_html(rows: Iterable[tuple[str, str]]) -> str:
    """Names with their values, escaped; nothing without rows."""
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>" if cells else ""


def curve_html(caption: str, curve: Curve, *, best: int | None = None) -> str:
    """A curve with its lowest and highest value named, and a dot at the step whose weights were kept."""
    if len(curve) < 2:
        return ""
    places = _places(curve)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [place for place, (step, _) in zip(places, curve, strict=True) if step == best]
    bottom, right = _HEIGHT - _EDGE / 2, _WIDTH - _EDGE / 4
    low, high = min(value for _, value in curve), max(value for _, value in curve)
    labels = ((0, _EDGE / 2, f"{high:.4g}"), (0, bottom, f"{low:.4g}"), (_EDGE, _HEIGHT - 4, f"step {curve[0][0]:,}"))
    return (
        f'<h2>{escape(caption)}</h2><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(caption)}">'
        f'<line x1="{_EDGE}" y1="{bottom}" x2="{right}" y2="{bottom}"/><polyline points="{line}"/>'
        + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in dots)
        + "".join(f'<text x="{x}" y="{y}">{escape(text)}</text>' for x, y, text in labels)
        + f'<text x="{right}" y="{_HEIGHT - 4}" text-anchor="end">step {curve[-1][0]:,}</text></svg>'
    )


def _places(curve: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """Pixels of each point; the lowest value is at the bottom, the highest at the top."""
    steps, values = [step for step, _ in curve], [value for _, value in curve]
    span, height = (max(ends) - min(ends) or 1 for ends in (steps, values))
    wide, high = _WIDTH - _EDGE * 1.25, _HEIGHT - _EDGE
    return [
        (_EDGE + (step - min(steps)) / span * wide, _EDGE / 2 + (max(values) - value) / height * high)
        for step, value in curve
    ]
