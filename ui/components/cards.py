"""A hit's title, score, place and passage in one piece of HTML: one message to the browser instead of six.

Every character that comes from outside is escaped here or in `marks`, and the only link is one of the web. Colours are
those of the text around, so a card is readable in every theme.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.components.marks import PASSAGE_STYLE, Span, marked_around
from ui.components.text import is_web, one_line

_HEAD = "display:flex; gap:1rem; align-items:baseline; justify-content:space-between; margin-bottom:.25rem"
_TITLE = "margin:0; font-size:1.1rem; font-weight:600; line-height:1.35; overflow-wrap:anywhere"
_LINK = "color:inherit; text-decoration:underline; text-decoration-thickness:1px; text-underline-offset:.2em"
_SCORE = "padding:0 .35rem; border-radius:.3rem; font-size:.875rem; background:rgba(63,184,173,.18); cursor:help"
_PLACE = "margin-bottom:.35rem; font-size:.875rem; opacity:.72; overflow-wrap:anywhere"


@dataclass(frozen=True, slots=True)
class Card:
    """What is told of a hit, all of it as text; the spans of the passage are marked, its best sentence underlined."""

    title: str
    url: str  # linked if it is one of the web
    score: str
    score_meaning: str
    place: str
    passage: str
    spans: Sequence[Span]
    best: Span | None = None


def show_card(card: Card) -> DeltaGenerator:
    """Draws it; returns its place, where it can be drawn anew."""
    return st.html(card_html(card))


def show_again(place: DeltaGenerator, card: Card) -> None:
    """Draws it where another one was drawn."""
    place.html(card_html(card))


def card_html(card: Card) -> str:
    """The card as HTML that shows exactly its texts."""
    title = escape(one_line(card.title))
    if is_web(card.url):
        title = f'<a href="{escape(card.url)}" target="_blank" style="{_LINK}">{title}</a>'
    score = f'<span title="{escape(card.score_meaning)}" style="{_SCORE}">{escape(card.score)}</span>'
    return (
        f'<div style="{_HEAD}"><h4 style="{_TITLE}">{title}</h4>{score}</div>'
        f'<div class="place" style="{_PLACE}">{escape(card.place)}</div>'
        f'<div class="passage" style="{PASSAGE_STYLE}">{marked_around(card.passage, card.spans, card.best)}</div>'
    )
