"""Map: a picture of a collection, with a query and its hits in it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from search_app.app import SearchApp
from search_app.arranging import Layout
from search_app.catalog.generations import Generation
from search_app.maps import TOPICS_MOST, CollectionMap
from search_app.search import Hit, SearchOptions
from ui.components import address
from ui.components.chooser import choose_collection, is_known, show_none_yet
from ui.components.errors import show_kept, told
from ui.components.figures import counted
from ui.components.focus import focus_query_box
from ui.components.landscape import BY_TOPIC, Landscape, landscape
from ui.components.querybox import query_box
from ui.components.reading import show_document
from ui.components.text import link
from ui.components.ways import TSNE, WAY, choose_way
from ui.resources import search_app

_HITS = 10
_HEIGHT = 560
_CHOSEN = "points of the map that are selected"
_Key = tuple[str, str, int, float | None, int]


def page() -> None:
    """The query, what colours stand for, and the picture."""
    app = search_app()
    show_kept()
    st.title("Map", anchor=False)
    names = [one.name for one in app.catalog.collections.list()]
    if not names:
        show_none_yet()
        return
    address.follow("query", "collection", "colour", WAY)
    is_found = is_known(app)
    query = query_box(lambda: None)
    collection = choose_collection(names)
    live = app.catalog.collections.live(collection) if is_found else None
    if live is None:
        st.info("This collection holds nothing yet. Load documents first.", icon=":material/folder_open:")
        return
    with told():
        show_map(app, collection, live, query)


def show_map(app: SearchApp, collection: str, live: Generation, query: str) -> None:
    """The picture, what it doesn't tell, and the hits of the query below it."""
    colour, topic_count = choose_colour(app, collection)
    layout = choose_way(app, collection)
    way = TSNE if st.session_state[WAY] == TSNE else ""
    address.write(query=query, collection=collection, colour=colour if colour != BY_TOPIC else "", way=way)
    with st.spinner("Drawing …"):
        count, drawn_at = app.catalog.documents.chunk_count(live.id), layout.drawn_at if layout else None
        key = (live.physical_name, live.fingerprint, count, drawn_at, topic_count)
        drawn = drawn_map(app, collection, key, layout)
        hits = hits_of(app, drawn, query)
        place = app.place_on_map(drawn, query) if query else None
    points = {point.chunk_id: point for point in drawn.points}
    chart = landscape(drawn, colour, hits=[points[one.chunk_id] for one in hits if one.chunk_id in points], query=place)
    state = st.echarts_chart(chart.spec, height=_HEIGHT, key="map", on_select="rerun", alt=f"Map of {collection}")
    st.caption(caption(drawn))
    st.markdown("\n".join(hit_line(hit, is_drawn=hit.chunk_id in points) for hit in hits))
    if not query:
        focus_query_box()
    open_chosen(app, collection, chart, state.selection.selected if state else [])


@st.cache_resource(max_entries=4, show_spinner=False)
def drawn_map(_app: SearchApp, collection: str, key: _Key, _layout: Layout | None) -> CollectionMap:
    """The map, drawn once for all visitors; `key` has all that it depends on, the number of topics last."""
    return _app.map_of(collection, key[-1], layout=_layout)


def choose_colour(app: SearchApp, collection: str) -> tuple[str, int]:
    """What colours stand for, and how many topics there are."""
    fields = [one.field for one in app.facets(collection).fields]
    left, right = st.columns([2, 1])
    if st.session_state.get("colour") not in (BY_TOPIC, *fields):
        st.session_state["colour"] = BY_TOPIC
    colour = left.selectbox("Colour by", [BY_TOPIC, *fields], key="colour")
    topics = right.number_input("Topics", 1, TOPICS_MOST, value=8, key="topics", disabled=colour != BY_TOPIC)
    return colour, int(topics)


def hits_of(app: SearchApp, drawn: CollectionMap, query: str) -> tuple[Hit, ...]:
    """What the map's generation finds by meaning; nothing for no query."""
    if not query:
        return ()
    options = SearchOptions(generation=drawn.generation)
    return app.search(query, drawn.collection, k=_HITS, mode="dense", options=options).hits


def caption(drawn: CollectionMap) -> str:
    """How many points of how many there are, and how far they can be trusted."""
    shown, whole = len(drawn.points), drawn.passage_count
    of_all = counted(whole, "passage")
    count = f"All of {of_all}." if shown == whole else f"{shown:,} of {of_all}."
    trust = (
        "neighbours lie together, but how far groups are apart, and how large they are, says nothing. The query lies "
        "amid the passages that are nearest to it."
        if drawn.shown_share is None
        else f"the picture shows {drawn.shown_share:.0%} of the differences."
    )
    return f"{count} Distances are approximate: {trust} Zoom with the wheel, click a point to open its document."


def hit_line(hit: Hit, *, is_drawn: bool) -> str:
    """A line of the list of hits; Markdown."""
    return f"{hit.rank}. {link(hit.title or hit.document_id, hit.source)}{'' if is_drawn else ' :gray[(not drawn)]'}"


def open_chosen(app: SearchApp, collection: str, chart: Landscape, selected: Sequence[Mapping[str, object]]) -> None:
    """Opens the document of the point that was clicked; each series keeps its own, so a new one counts."""
    points = {point.chunk_id: point for point in chart.chosen(selected)}
    known = st.session_state.get(_CHOSEN, frozenset())
    st.session_state[_CHOSEN] = frozenset(points)
    clicked = next((point for chunk_id, point in points.items() if chunk_id not in known), None)
    if clicked is not None:
        show_document(app, collection, clicked.document_id, chunk_id=clicked.chunk_id)


page()
