"""Charts as ECharts draws them: plain records made from figures, with no script in them.

Text in a chart is drawn on a canvas, so nothing from outside is read as markup.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Spec = dict[str, Any]

_CANVAS_TIP = {"renderMode": "richText", "confine": True}
_GREENS = ["#f4f6f6", "#a9dcd6", "#3fb8ad"]  # light enough for dark figures
_FIGURES = "#14191b"
GAIN, LOSS = "#1c9a8f", "#cf5b3a"  # tell apart on white and on black, and for people who see no red

Points = Sequence[tuple[float, float]]


def heat_map(labels: Sequence[str], matrix: Sequence[Sequence[float]], *, is_nearness: bool) -> Spec:
    """Every text with every other; darker is nearer. Rows have their labels, columns the same numbers from 1."""
    cells = [[column, row, round(value, 3)] for row, own in enumerate(matrix) for column, value in enumerate(own)]
    values = [cell[2] for cell in cells]
    numbers = [str(number) for number in range(1, len(labels) + 1)]
    return {
        "tooltip": _CANVAS_TIP,
        "grid": {"left": 0, "right": 8, "top": 10, "bottom": 72, "containLabel": True},
        "xAxis": {"type": "category", "data": numbers},
        "yAxis": {
            "type": "category",
            "data": list(labels),
            "axisLabel": {"width": 110, "overflow": "truncate"},
            "inverse": True,
        },
        "visualMap": {
            "min": min(values),
            "max": max(values),
            "calculable": True,
            "precision": 2,
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "inRange": {"color": _GREENS if is_nearness else _GREENS[::-1]},
        },
        "series": [{"type": "heatmap", "data": cells, "label": {"show": len(labels) <= 12, "color": _FIGURES}}],
    }


def curves(lines: Mapping[str, Points], x_name: str, y_name: str, *, mark: tuple[float, str] | None = None) -> Spec:
    """A line by name through its points, with a legend where there are several; `mark` names a place on the x axis."""
    series: list[Spec] = [
        {"type": "line", "name": name, "showSymbol": len(points) < 20, "data": [list(point) for point in points]}
        for name, points in lines.items()
    ]
    if mark is not None and series:
        place, label = mark
        series[-1]["markLine"] = {
            "symbol": "none",
            "silent": True,
            "data": [{"xAxis": place, "label": {"formatter": label, "position": "insideEndTop"}}],
        }
    has_legend = len(lines) > 1
    return {
        "animation": False,  # it is drawn again every second while the points come
        "tooltip": {**_CANVAS_TIP, "trigger": "axis"},
        "legend": {"show": has_legend, "top": 0, "right": 0},
        "grid": {"left": 8, "right": 20, "top": 48 if has_legend else 32, "bottom": 28},
        "xAxis": {"type": "value", "name": x_name, "nameLocation": "middle", "nameGap": 24, "scale": True},
        "yAxis": {"type": "value", "name": y_name, "scale": True},
        "series": series,
    }


def gains(rows: Sequence[tuple[str, float]], y_name: str) -> Spec:
    """A bar for each name, up for a gain and down for a loss, in the order of the rows."""
    bars = [{"value": round(value, 4), "itemStyle": {"color": GAIN if value > 0 else LOSS}} for _, value in rows]
    return {
        "animation": False,
        "tooltip": {**_CANVAS_TIP, "trigger": "axis", "axisPointer": {"type": "shadow"}},
        "grid": {"left": 8, "right": 8, "top": 32, "bottom": 8},
        "xAxis": {
            "type": "category",
            "data": [name for name, _ in rows],
            "axisLabel": {"show": False},
            "axisTick": {"show": False},
        },
        "yAxis": {"type": "value", "name": y_name},
        "series": [{"type": "bar", "name": y_name, "data": bars, "barMaxWidth": 18}],
    }
