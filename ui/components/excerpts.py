"""The part of a passage that a card shows, with places in it: words of the query, and the best sentence."""

from collections.abc import Sequence

from ui.components.marks import Span, clipped, word_spans
from ui.components.text import one_line, paragraphs

_CHARACTERS = 420
_LEAD_CHARACTERS = 80  # before what the excerpt is shown for


def excerpt_of(text: str, query: str, best: Span | None = None) -> tuple[str, list[Span], Span | None]:
    """The part of a passage to show, where words of the query stand in it, and its best sentence.

    Args:
        text: The passage as it was found.
        query: Its words are looked for.
        best: A sentence's place in the text; it comes back only where more than that sentence is shown.
    """
    passage = paragraphs(text)
    spans = word_spans(passage, query) if query else []
    sentences = [found] if best and (found := in_paragraphs(text, passage, best)) else []
    start, end = window(passage, spans, *sentences)
    part = passage[start:end].rstrip()
    before, after = ("… " if start else ""), (" …" if end < len(passage) else "")
    words, told = (
        [(first + len(before), last + len(before)) for first, last in clipped(own, start, start + len(part))]
        for own in (spans, sentences)
    )
    is_all = told == [(len(before), len(before) + len(part))]
    return f"{before}{part}{after}", words, told[0] if told and not is_all else None


def in_paragraphs(text: str, passage: str, span: Span) -> Span | None:
    """Where a sentence of a text stands in the same text as `paragraphs` writes it."""
    sentence = one_line(text[slice(*span)])
    start = passage.find(sentence, len(paragraphs(text[: span[0]])))
    return (start, start + len(sentence)) if start >= 0 else None


def window(passage: str, spans: Sequence[Span], best: Span | None = None) -> Span:
    """The part to show: the passage's beginning, or what is around the first word of the query if that comes later.

    Where the best sentence would be left out or cut off so, it is what is around that sentence.
    """
    first = spans[0][0] if spans else 0
    shown = _part(passage, first, is_near=first < _CHARACTERS - _LEAD_CHARACTERS)
    if best is None or (shown[0] <= best[0] and best[1] <= shown[1]):
        return shown
    return _part(passage, best[0], is_near=best[1] <= _CHARACTERS, length=best[1] - best[0])


def _part(passage: str, place: int, *, is_near: bool, length: int = 0) -> Span:
    """From the passage's beginning if the place is near to it, else from a little before the place."""
    lead = max(min(_LEAD_CHARACTERS, _CHARACTERS - length), 0)
    start = 0 if is_near else _gap_before(passage, place - lead)
    end = start + _CHARACTERS
    return start, (len(passage) if end >= len(passage) else _gap_before(passage, end))


def _gap_before(text: str, place: int) -> int:
    """The place behind the last white space up to there; the place itself where there is none."""
    gap = max(text.rfind(" ", 0, place), text.rfind("\n", 0, place))
    return gap + 1 if gap > 0 else max(place, 0)
