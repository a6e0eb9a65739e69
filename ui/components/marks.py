"""Text with parts of it marked, as HTML.

Every character that comes from outside is escaped here, and the only tags are those of this module. Streamlit cleans
what goes through `st.html` once more.
"""

import re
from collections.abc import Sequence
from html import escape

import streamlit as st

from search_app.lexical import telling_words

Span = tuple[int, int]  # from a character to the one behind the last

_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("s", "es", "d", "ed", "ing")
_STEM_LEAST = 3
_ALIKE = 2  # letters with which all forms of a word begin: no stem is shorter
PASSAGE_STYLE = "white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5"
_BEST = "text-decoration: underline 2px rgba(63, 184, 173, 0.9); text-underline-offset: 0.2em"
_BEST_MEANING = "The sentence that says most of what was asked"
_MARK = '<mark style="background: rgba(240, 180, 41, 0.3); color: inherit; border-radius: 3px">{text}</mark>'


def show_marked(text: str, spans: Sequence[Span]) -> None:
    """The text as it is, with its line breaks, and these parts of it marked."""
    st.html(f'<div class="passage" style="{PASSAGE_STYLE}">{marked_html(text, spans)}</div>')


def marked_html(text: str, spans: Sequence[Span]) -> str:
    """The text as HTML that shows exactly it; spans are ascending and don't overlap."""
    parts, done = [], 0
    for start, end in spans:
        parts += [escape(text[done:start]), _MARK.format(text=escape(text[start:end]))]
        done = end
    return "".join([*parts, escape(text[done:])])


def marked_around(text: str, spans: Sequence[Span], best: Span | None) -> str:
    """The same with the best sentence underlined; a span that crosses its edge is marked on both sides of it."""
    if best is None:
        return marked_html(text, spans)
    before, inside, after = (
        marked_html(text[start:end], clipped(spans, start, end))
        for start, end in ((0, best[0]), best, (best[1], len(text)))
    )
    return f'{before}<span class="best" title="{_BEST_MEANING}" style="{_BEST}">{inside}</span>{after}'


def clipped(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """What of the spans lies between two places, counted from the first of them."""
    inside = ((max(first, start) - start, min(last, end) - start) for first, last in spans)
    return [(first, last) for first, last in inside if first < last]


def word_spans(text: str, query: str) -> list[Span]:
    """Where words of the query stand in a text, in the same form or with another ending."""
    wanted: dict[str, list[str]] = {}
    for word in telling_words(query):
        wanted.setdefault(word[:_ALIKE], []).append(word)
    words = ((found.span(), found[0].lower()) for found in _WORD.finditer(text))
    return [span for span, word in words if _is_one_of(word, wanted.get(word[:_ALIKE], ()))]


def _is_one_of(word: str, wanted: Sequence[str]) -> bool:
    return any(_is_form_of(word, one) or _is_form_of(one, word) for one in wanted)


def _is_form_of(long: str, short: str) -> bool:
    if long == short:
        return True
    if len(short) < _STEM_LEAST or len(long) <= len(short):
        return False
    stems = (short, short.removesuffix("e"), short.removesuffix("y") + "i" if short.endswith("y") else short)
    return any(long.startswith(stem) and long[len(stem) :] in _ENDINGS for stem in stems)
