"""A person's query as a query of the word index.

Any text gives a valid expression: words are picked out of it and quoted one by one, so no sign of FTS5's
language gets through. A passage answers if it has one of the words, and every phrase in quotes, word after
word. Words that stand in most English texts are left out when others remain: they cost time and say nothing.
"""

import re
import unicodedata
from collections import Counter

_WORDS_MAX = 128  # of a pasted page, about as much as the encoder reads

_PHRASE = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[^\W_]+")  # what `unicode61` takes for a word

# Snowball's English list. On three test collections it costs no quality and saves up to three quarters of the time.
_ENGLISH = """
    a about above after again against all am an and any are as at be because been before being below between both but
    by can did do does doing don down during each few for from further had has have having he her here hers herself him
    himself his how i if in into is it its itself just me more most my myself no nor not now of off on once only or
    other our ours ourselves out over own s same she should so some such t than that the their theirs them themselves
    then there these they this those through to too under until up very was we were what when where which while who
    whom why will with you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_ENGLISH.split())


def match_expression(query: str) -> str:
    """The FTS5 expression for a query; "" when it has no word."""
    phrases, words = _asked(query)
    required = [quoted(phrase) for phrase in phrases]
    either = " OR ".join([*required, *map(quoted, words)])
    return " AND ".join([*required, f"({either})"]) if either else ""


def counted_terms(query: str) -> dict[str, int]:
    """The words and phrases of a query, and how often each counts in a passage's score: a phrase stands twice."""
    phrases, words = _asked(query)
    return dict(Counter([*words, *phrases, *phrases]))


def quoted(term: str) -> str:
    """The FTS5 expression for one word or phrase of `counted_terms`."""
    return f'"{term}"'


def _asked(query: str) -> tuple[list[str], list[str]]:
    """The phrases in quotes, then the other words, each once."""
    normal = unicodedata.normalize("NFC", query)
    phrases = [" ".join(_words(phrase)) for phrase in _PHRASE.findall(normal)]
    return [phrase for phrase in dict.fromkeys(phrases) if phrase], telling_words(_PHRASE.sub(" ", normal))


def telling_words(text: str) -> list[str]:
    """The words of a text in lower case, each once, without stop words when others remain."""
    words = list(dict.fromkeys(_words(text.lower())))
    telling = [word for word in words if word not in STOP_WORDS]
    return (telling or words)[:_WORDS_MAX]


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
