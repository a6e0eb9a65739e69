"""What an explanation says, as records; places are offsets of characters, from the first to behind the last."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from search_app.catalog.word_marks import Marks, Span


@dataclass(frozen=True, slots=True)
class WordShare:
    """What a word of the passage adds to the cosine similarity; `span` is its place in the hit's text.

    `span` is None for a word of the title or a heading, which the encoder reads before the text.
    """

    word: str
    share: float
    span: Span | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit was found.

    Attributes:
        rank: The hit's.
        similarity: The cosine similarity of query and passage, the sum of all shares; None where the search didn't go
            by meaning, or the encoder's shares can't be told.
        words: Every word that the encoder read, in its order.
        rest: What tokens that are no words of the document add: the special ones, and a prompt's.
        sentence: The place in the hit's text of the sentence that says most of what was asked.
        marks: Where words of the query were matched; empty where the search didn't go by words.
        word_scores: What each word or phrase of the query adds to the passage's BM25.
        read_end: Up to where in the hit's text the encoder read.
        note: Why there are no shares, for people; empty where there are.
    """

    rank: int
    similarity: float | None = None
    words: tuple[WordShare, ...] = ()
    rest: float = 0.0
    sentence: Span | None = None
    marks: Marks = field(default_factory=Marks)
    word_scores: Mapping[str, float] = field(default_factory=dict)
    read_end: int = 0
    note: str = ""
