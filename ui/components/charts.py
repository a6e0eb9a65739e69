"""Charts as ECharts draws them: plain records made from figures, with no script in them.

Text in a chart is drawn on a canvas, so nothing from outside is read as markup.
"""

from collections.abc import Sequence
from typing import Any

Spec = dict[str, Any]

_CANVAS_TIP = {"renderMode": "richText", "confine": True}
_GREENS = ["#f4f6f6", "#a9dcd6", "#3fb8ad"]  # light enough for dark figures
_FIGURES = "#14191b"


def heat_map(labels: Sequence[str], matrix: Sequence[Sequence[float]], *, is_nearness: bool) -> Spec:
    """Every text with every other; darker is nearer."""
    cells = [[column, row, round(value, 3)] for row, own in enumerate(matrix) for column, value in enumerate(own)]
    values = [cell[2] for cell in cells]
    named = {"width": 110, "overflow": "truncate"}
    axis: Spec = {"type": "category", "data": list(labels), "axisLabel": named}
    return {
        "tooltip": _CANVAS_TIP,
        "grid": {"left": 130, "right": 16, "top": 10, "bottom": 90},
        "xAxis": {**axis, "axisLabel": {**named, "rotate": 40}},
        "yAxis": {**axis, "inverse": True},
        "visualMap": {
            "min": min(values),
            "max": max(values),
            "calculable": True,
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "inRange": {"color": _GREENS if is_nearness else _GREENS[::-1]},
        },
        "series": [{"type": "heatmap", "data": cells, "label": {"show": len(labels) <= 12, "color": _FIGURES}}],
    }


def curve(name: str, points: Sequence[tuple[float, float]], x_name: str, y_name: str) -> Spec:
    """A line through the points."""
    return {
        "tooltip": {**_CANVAS_TIP, "trigger": "axis"},
        "grid": {"left": 48, "right": 24, "top": 24, "bottom": 36},
        "xAxis": {"type": "value", "name": x_name, "nameLocation": "middle", "nameGap": 24, "scale": True},
        "yAxis": {"type": "value", "name": y_name, "scale": True},
        "series": [{"type": "line", "name": name, "data": [list(point) for point in points]}],
    }
