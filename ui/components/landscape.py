"""The points of a map as a chart: a series for each topic or value, the query and its hits on top; a click chooses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import pandas as pd

from search_app.maps import CollectionMap, MapPoint
from ui.components.charts import Spec
from ui.components.text import excerpt

BY_TOPIC = "topic"
_SERIES_MOST = 10
_OTHERS = "others"
_NAMES = "names"
_NAME_CHARACTERS = 36
_LARGE, _SMALL, _DENSE = 9, 5, 3000  # a point's width in pixels, with few and with many points
_COLOURS = (  # ten that are told apart on white and on black, the last one for what is left over
    "#1c9a8f",
    "#d9822b",
    "#5b7fd6",
    "#c2559d",
    "#7fa33a",
    "#b5533c",
    "#38a3c9",
    "#9166c7",
    "#c9a227",
    "#8b979c",
)
_MARKED = "#e23b3b"


@dataclass(frozen=True, slots=True)
class Landscape:
    """A chart's description, with the points of each of its series in their order."""

    spec: Spec
    series: tuple[tuple[MapPoint, ...], ...]

    def chosen(self, selected: Sequence[Mapping[str, object]]) -> list[MapPoint]:
        """The points that the chart reports as selected: one of each series at most."""
        found = []
        for group in selected:
            series, indices = group.get("series_index"), group.get("data_indices")
            if isinstance(series, int) and series < len(self.series) and isinstance(indices, Sequence):
                points = self.series[series]
                found += [points[one] for one in indices if isinstance(one, int) and one < len(points)]
        return found


def landscape(
    drawn: CollectionMap, by: str, *, hits: Sequence[MapPoint] = (), query: tuple[float, float] | None = None
) -> Landscape:
    """The chart of a map.

    Args:
        drawn: The map.
        by: What colours stand for: `BY_TOPIC`, or a field of metadata.
        hits: Points to be ringed.
        query: Where the query lies.
    """
    groups = {name: tuple(points) for name, points in grouped(drawn, by).items()}
    width = _LARGE if len(drawn.points) < _DENSE else _SMALL
    sets = [_frame(points) for points in groups.values()]
    series = [
        {**_scatter(place, width), "name": name, "itemStyle": {"color": _COLOURS[place], "opacity": 0.75}}
        for place, name in enumerate(groups)
    ]
    shown = list(groups.values())
    if hits:
        ring = {"color": "transparent", "borderColor": _MARKED, "borderWidth": 2}
        series.append({**_scatter(len(series), width + 7), "name": "hits", "itemStyle": ring, "z": 3})
        sets.append(_frame(hits))
        shown.append(tuple(hits))
    if by == BY_TOPIC:
        series.append(_names(groups))
    if query is not None:
        series.append(_query_mark(query))
    spec: Spec = {
        "animation": False,
        "tooltip": {"renderMode": "richText", "confine": True, "formatter": "{@title}\n{@text}"},
        "legend": {"type": "scroll", "top": 0, "data": [one["name"] for one in series if one["name"] != _NAMES]},
        "grid": {"left": 12, "right": 12, "top": 40, "bottom": 12},
        "xAxis": {"type": "value", "show": False, "min": "dataMin", "max": "dataMax"},
        "yAxis": {"type": "value", "show": False, "min": "dataMin", "max": "dataMax"},
        "dataZoom": [{"type": "inside", "xAxisIndex": 0}, {"type": "inside", "yAxisIndex": 0}],
        "dataset": [{"source": one} for one in sets],
        "series": series,
    }
    return Landscape(spec, tuple(shown))


def grouped(drawn: CollectionMap, by: str) -> dict[str, list[MapPoint]]:
    """The points by topic or by the value of a field, the most frequent first; what is left over is together."""
    labels = [_label(drawn, point, by) for point in drawn.points]
    counts = Counter(labels).most_common()
    keeps_all = len(counts) <= _SERIES_MOST
    kept = [name for name, _ in (counts if keeps_all else counts[: _SERIES_MOST - 1])]
    groups: dict[str, list[MapPoint]] = {name: [] for name in ([*kept] if keeps_all else [*kept, _OTHERS])}
    for label, point in zip(labels, drawn.points, strict=True):
        groups[label if label in groups else _OTHERS].append(point)
    return groups


def _label(drawn: CollectionMap, point: MapPoint, by: str) -> str:
    if by == BY_TOPIC:
        return f"{point.topic + 1}. {drawn.topics[point.topic]}"
    value = point.metadata.get(by)
    return "–" if value is None else excerpt(str(value), _NAME_CHARACTERS)


def _frame(points: Sequence[MapPoint]) -> pd.DataFrame:
    columns = {name: [getattr(point, name) for point in points] for name in ("x", "y", "title", "text")}
    return pd.DataFrame(columns)


def _scatter(dataset: int, width: int) -> Spec:
    return {
        "type": "scatter",
        "datasetIndex": dataset,
        "encode": {"x": "x", "y": "y", "tooltip": ["title", "text"]},
        "symbolSize": width,
        "selectedMode": "single",
        "select": {"itemStyle": {"borderColor": _MARKED, "borderWidth": 2}},
    }


def _names(groups: Mapping[str, Sequence[MapPoint]]) -> Spec:
    """The name of each topic in the middle of its points."""
    data = [
        {"name": name, "value": [median(one.x for one in points), median(one.y for one in points)]}
        for name, points in groups.items()
    ]
    plate = {"color": "#ffffff", "backgroundColor": "rgba(20, 25, 27, 0.72)", "borderRadius": 4, "padding": [3, 6]}
    return {
        "type": "scatter",
        "name": _NAMES,
        "data": data,
        "symbolSize": 1,
        "silent": True,
        "z": 2,
        "itemStyle": {"color": "transparent", "opacity": 1},
        "label": {"show": True, "formatter": "{b}", "fontSize": 11, **plate},
        "labelLayout": {"hideOverlap": True},
    }


def _query_mark(query: tuple[float, float]) -> Spec:
    return {
        "type": "scatter",
        "name": "query",
        "data": [[round(place, 4) for place in query]],
        "symbol": "diamond",
        "symbolSize": 20,
        "z": 5,
        "itemStyle": {"color": _MARKED, "borderColor": "#ffffff", "borderWidth": 2, "opacity": 1},
        "tooltip": {"formatter": "the query"},
    }
