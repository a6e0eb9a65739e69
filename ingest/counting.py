"""Counts tokens: exactly with the encoder's own counter, or fast by words that were met before."""

import re
from collections.abc import Callable
from functools import cached_property, lru_cache

CountTokens = Callable[[str], int]

_WORD_CHARACTERS = 32  # a longer word is counted in pieces, so that a line without spaces can't fill the memory
_REMEMBERED_WORDS = 1 << 16

# Where there are no spaces: Han characters, which the BERT family reads one by one, and long words.
_UNSPACED = re.compile(rf"[\u3400-\u9fff]|[^\s\u3400-\u9fff]{{{_WORD_CHARACTERS}}}")


class TokenCounter:
    """Counts the tokens of any number of texts; what it remembers is bounded."""

    def __init__(self, count_tokens: CountTokens) -> None:
        self._exact = count_tokens
        self._word = lru_cache(_REMEMBERED_WORDS)(self._of_pieces)

    @cached_property
    def _special_count(self) -> int:
        return self._exact("")

    def __call__(self, text: str) -> int:
        """Tokens of the text, special ones included."""
        return self._exact(text)

    def by_words(self, text: str) -> int:
        """Tokens of the words one by one, without special ones; only near where tokens cross words."""
        words = text.split()
        is_spaced = max(map(len, words), default=0) <= _WORD_CHARACTERS
        return sum(map(self._word, words if is_spaced else _pieces(text)))

    def _of_pieces(self, word: str) -> int:
        return sum(self._exact(piece) - self._special_count for piece in _pieces(word))


def _pieces(text: str) -> list[str]:
    return _UNSPACED.sub(r" \g<0> ", text).split()
