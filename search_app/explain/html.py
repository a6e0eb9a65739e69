"""A hit's passage as HTML that is safe wherever it is put: every text in it is escaped, and it runs nothing.

<b class="best">         the best sentence
<mark>                   a word that was matched by words
<span class="share-N">   what a word adds to the score, 1 (little) to 5 (the most of this passage); the title tells it
"""

from collections.abc import Mapping
from html import escape
from itertools import pairwise

from search_app.answers import Hit
from search_app.explain.explanation import Explanation, WordShare

STEPS = 5

_LEAST = 0.1  # of the largest share; what adds less isn't coloured


def explanation_html(hit: Hit, explanation: Explanation) -> str:
    """The hit's text with its marks; line breaks stay line breaks."""
    text, shares = hit.text, _steps(explanation)
    edges = {0, len(text), *_edges(explanation), *(edge for span in shares for edge in span)}
    places = sorted(edge for edge in edges if 0 <= edge <= len(text))
    pieces: list[str] = []
    is_best = False
    for start, end in pairwise(places):
        inside = explanation.sentence is not None and explanation.sentence[0] <= start < explanation.sentence[1]
        if inside != is_best:
            pieces.append('<b class="best">' if inside else "</b>")
            is_best = inside
        pieces.append(_piece(text[start:end], start, explanation, shares))
    return "".join([*pieces, "</b>" if is_best else ""])


def _edges(explanation: Explanation) -> list[int]:
    spans = [*explanation.marks.text, *([explanation.sentence] if explanation.sentence else [])]
    return [edge for span in spans for edge in span]


def _steps(explanation: Explanation) -> Mapping[tuple[int, int], tuple[int, WordShare]]:
    """The words of the text that add something worth a colour, with its step."""
    own = [(word.span, word) for word in explanation.words if word.span is not None]
    most = max((word.share for word in explanation.words), default=0.0)
    return {
        span: (max(1, round(STEPS * word.share / most)), word)
        for span, word in own
        if most > 0 and word.share >= _LEAST * most
    }


def _piece(
    text: str, start: int, explanation: Explanation, shares: Mapping[tuple[int, int], tuple[int, WordShare]]
) -> str:
    shown = escape(text).replace("\n", "<br>")
    if any(begin <= start < end for begin, end in explanation.marks.text):
        shown = f"<mark>{shown}</mark>"
    for (begin, end), (step, word) in shares.items():
        if begin <= start < end:
            return f'<span class="share-{step}" title="{word.share:+.4f}">{shown}</span>'
    return shown
