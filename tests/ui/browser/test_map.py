"""The map, which is drawn on a canvas: what stands in it can only be clicked by its place."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from search_app.app import SearchApp
from search_app.maps import CollectionMap, MapPoint

LEFT, RIGHT, TOP, BOTTOM = 12, 12, 40, 12  # of the chart's grid, in pixels

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not os.environ.get("TWINSEARCH_BROWSER"), reason="the map is clicked in `make browser`"),
]


def place_of(point: MapPoint, drawn: CollectionMap, box: Mapping[str, float]) -> tuple[float, float]:
    """Where on the screen a point is drawn: the outermost points touch the grid's sides."""
    xs, ys = [one.x for one in drawn.points], [one.y for one in drawn.points]
    from_left = (point.x - min(xs)) / (max(xs) - min(xs))
    from_top = (max(ys) - point.y) / (max(ys) - min(ys))
    return (
        box["x"] + LEFT + from_left * (box["width"] - LEFT - RIGHT),
        box["y"] + TOP + from_top * (box["height"] - TOP - BOTTOM),
    )


def test_a_click_on_a_point_opens_its_document_one_after_the_other(
    loaded: SearchApp, open_page: Callable[..., Any]
) -> None:
    drawn = loaded.map_of("docs", 2)
    page = open_page("/map?collection=docs")
    canvas = page.locator(".st-key-map canvas").first
    canvas.wait_for()
    for point in (*drawn.points, drawn.points[0]):
        canvas.scroll_into_view_if_needed()
        page.mouse.click(*place_of(point, drawn, canvas.bounding_box()))
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("heading", name=point.title, exact=True).wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
    assert (page.foreign, page.broken) == ([], [])
