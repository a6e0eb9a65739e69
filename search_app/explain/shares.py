"""From what tokens add to a vector to what words add to a score.

score = q·d = sum over tokens of q·part: exact, since the parts of a passage's tokens sum up to its unit row. Tokens
that touch within a word are one word; a sign, and a character of a script without blanks, is a word by itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from search_app.explain.explanation import WordShare

Span = tuple[int, int]

_ALONE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")  # Han and Kana


@dataclass(frozen=True, slots=True)
class Shares:
    """A passage's words with their shares, and what no word adds; all of it sums up to `total`."""

    words: tuple[WordShare, ...]
    rest: float
    read_end: int

    @property
    def total(self) -> float:
        """The cosine similarity."""
        return sum((word.share for word in self.words), self.rest)


def shares(passage: str, spans: Sequence[Span | None], values: Sequence[float], text_start: int) -> Shares:
    """The shares of a passage's words.

    Args:
        passage: What the encoder read: title, headings and text.
        spans: Where each token stands in it; None for tokens of no word.
        values: What each token adds to the score.
        text_start: Where in the passage the hit's text begins.
    """
    rest = sum(value for span, value in zip(spans, values, strict=True) if span is None)
    joined: list[tuple[Span, float]] = []
    for span, value in zip(spans, values, strict=True):
        if span is None:
            continue
        if joined and _goes_on(passage, joined[-1][0], span):
            (start, end), sum_ = joined[-1]
            joined[-1] = ((start, max(end, span[1])), sum_ + value)
        else:
            joined.append((span, value))
    words = tuple(_word(passage, span, value, text_start) for span, value in joined)
    return Shares(words, rest, max((span[1] for span, _ in joined), default=0))


def _goes_on(passage: str, word: Span, token: Span) -> bool:
    """Whether the token belongs to the word before it."""
    if token[0] < word[1] or token[0] == token[1]:
        return True  # the bytes of one character are several tokens
    if token[0] > word[1] or token[0] >= len(passage):
        return False
    before, after = passage[token[0] - 1], passage[token[0]]
    return before.isalnum() and after.isalnum() and not (_ALONE.match(before) or _ALONE.match(after))


def _word(passage: str, span: Span, value: float, text_start: int) -> WordShare:
    raw = passage[slice(*span)]
    start = span[0] + len(raw) - len(raw.lstrip())  # some tokenizers count the blank before a word to it
    own = None if start < text_start else (start - text_start, start + len(raw.strip()) - text_start)
    return WordShare(raw.strip(), value, own)
