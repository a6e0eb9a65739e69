"""Charts and diagrams of Office files: each is a part of its own, to which the page or slide only refers."""

from collections.abc import Callable, Iterator
from typing import Any

from ingest.readers.markup import parse_xml

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DIGITS = 10  # of a place
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"


def drawn_texts(element: Any, part_of: Callable[[str], bytes]) -> Iterator[str]:
    """A text for each chart and diagram below the element.

    Args:
        element: Of the page or slide.
        part_of: The content of the part with a relation's id; KeyError where the file lacks it.
    """
    kinds = {f"{_CHART}chart": (f"{_RELATION}id", _chart), f"{_DIAGRAM}relIds": (f"{_RELATION}dm", _diagram)}
    for reference in element.iter(*kinds):
        attribute, lines = kinds[reference.tag]
        try:
            content = part_of(reference.get(attribute, ""))
        except KeyError:
            continue
        yield "\n".join(filter(None, lines(parse_xml(content))))


def _chart(root: Any) -> Iterator[str]:
    """Its titles, then a line for each category with the value of each series: `East | 2025: 19.2 | 2026: 21.4`."""
    for title in root.iter(f"{_CHART}title"):
        yield "".join(node.text or "" for node in title.iter(f"{_DRAWING}t", f"{_CHART}v"))
    series = list(root.iter(f"{_CHART}ser"))
    names = [" ".join(_points(one, "tx").values()) for one in series]
    categories = max((_points(one, "cat", "xVal") for one in series), key=len, default={})
    values = [_points(one, "val", "yVal", "bubbleSize") for one in series]
    for place in sorted({place for points in [categories, *values] for place in points}):
        cells = ((name, points.get(place)) for name, points in zip(names, values, strict=True))
        shown = (f"{name}: {value}" if name else value for name, value in cells if value)
        yield " | ".join(filter(None, [categories.get(place), *shown]))


def _points(series: Any, *kinds: str) -> dict[int, str]:
    """The values of the series of the first of these kinds, by their places, of which not all need have one."""
    part = next((found for kind in kinds if (found := series.find(f"{_CHART}{kind}")) is not None), None)
    if part is None:
        return {}
    points: dict[int, str] = {}
    for node in part.iter(f"{_CHART}v"):
        place = _place(node.getparent())
        points[place] = f"{points.get(place, '')} {node.text or ''}".strip()  # categories may have levels
    return points


def _place(point: Any) -> int:
    index = point.get("idx", "")
    return int(index) if index.isdecimal() and len(index) < _DIGITS else 0


def _diagram(root: Any) -> Iterator[str]:
    """A line for each of its shapes."""
    for point in root.iter(f"{_DIAGRAM}pt"):
        yield "".join(node.text or "" for node in point.iter(f"{_DRAWING}t"))
