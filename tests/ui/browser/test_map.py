"""The map, which is drawn on a canvas: what stands in it can only be clicked by its place."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from search_app.app import SearchApp
from search_app.maps import CollectionMap, MapPoint

LEFT, RIGHT, TOP, BOTTOM = 12, 12, 40, 12  # of the chart's grid, in pixels
CLICKS, CLICK_MS = 12, 20_000

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


def by_place(drawn: CollectionMap) -> Mapping[tuple[float, float], list[MapPoint]]:
    """The points that are drawn over one another, by their place."""
    places = defaultdict(list)
    for point in drawn.points:
        places[point.x, point.y].append(point)
    return places


def click_until_it_opens(page: Any, place: Callable[[], tuple[float, float]]) -> Any:
    """The dialog; a canvas doesn't tell when its points are drawn, and a click before that is lost."""
    from playwright.sync_api import TimeoutError as TookTooLong

    dialog = page.get_by_role("dialog")
    for _ in range(CLICKS):
        page.mouse.move(*place())
        page.mouse.click(*place())
        try:
            dialog.wait_for(timeout=CLICK_MS)
        except TookTooLong:
            continue
        return dialog
    return pytest.fail(f"{CLICKS} clicks at {place()} opened nothing.")


def test_a_click_on_a_point_opens_its_document_one_after_the_other(
    loaded: SearchApp, open_page: Callable[..., Any]
) -> None:
    drawn = loaded.map_of("docs", 2)
    page = open_page("/map?collection=docs")
    canvas = page.locator(".st-key-map canvas").first
    canvas.wait_for()
    page.get_by_test_id("stTopNavLink").first.wait_for()  # though a new server's first visitor came by a link
    apart = [points[0] for points in by_place(drawn).values() if len(points) == 1]
    assert len(apart) >= 2
    for point in (*apart, apart[0]):
        canvas.scroll_into_view_if_needed()
        dialog = click_until_it_opens(page, lambda point=point: place_of(point, drawn, canvas.bounding_box()))
        dialog.locator("strong").get_by_text(point.title, exact=True).wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
    assert (page.foreign, page.broken) == ([], [])
