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
