"""Finds, among queries, one that asks nearly the same in nearly the same words.

Two queries are near when they share at least three quarters of their words; their order and letters' case don't
count. Whatever is drawn apart by query, such as what is trained on and what is tested with, must not part them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

LIKENESS_LEAST = 0.75  # words in common, by words in either

_WORD = re.compile(r"\w+")


class NearQueries:
    """Queries by their words; the first of several near ones is the one that is found."""

    def __init__(self, queries: Iterable[str] = ()) -> None:
        self._words: list[tuple[str, frozenset[str]]] = []
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        for query in queries:
            self.add(query)

    def add(self, query: str) -> None:
        """Take in another query."""
        words = words_of(query)
        for word in words:
            self._by_word[word].append(len(self._words))
        self._words.append((query, words))

    def find(self, query: str) -> str | None:
        """A query that was taken in and is near to this one, or the very same; None if there is none."""
        words = words_of(query)
        places = sorted({place for word in _telling(words) for place in self._by_word.get(word, ())})
        near = (known for known, own in (self._words[place] for place in places) if likeness(words, own))
        return next(near, None)


def words_of(query: str) -> frozenset[str]:
    """The words of a query, each once, in small letters."""
    return frozenset(_WORD.findall(query.casefold()))


def likeness(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two queries with these words are near (by Jaccard's index)."""
    return bool(one) and len(one & other) >= LIKENESS_LEAST * len(one | other)


def _telling(words: frozenset[str]) -> list[str]:
    """So many of the words, the longest first, that a near query must have one of them.

    A query that shares none of these lacks more than a quarter of the words.
    """
    least = int(len(words) * (1 - LIKENESS_LEAST)) + 1
    return sorted(words, key=lambda word: (-len(word), word))[:least]
