"""Examples without any judgement: what a corpus says about itself.

A title asks for the beginning of its text, a heading for the passage below it, a passage for the next one, and a
sentence for the passage that it was taken out of. Texts stream, document by document in the order of the text.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from search_app.twin.examples import AnsweredQuery, same_text

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_FEWEST_WORDS = 4  # of a sentence that can stand for a question
_FEWEST_CHARACTERS = 40  # of a passage that says enough to be an answer


@dataclass(frozen=True, slots=True)
class CorpusText:
    """A passage of the corpus with what stands above it.

    Attributes:
        text: Without title and headings.
        start: Where in its document it begins; passages that follow each other may share some text.
    """

    document_id: str
    title: str
    text: str
    headings: tuple[str, ...] = ()
    start: int = 0


def title_pairs(texts: Iterable[CorpusText]) -> Iterator[AnsweredQuery]:
    """The title of a document with its first passage."""
    last = None
    for one in texts:
        if one.document_id != last:
            yield from _pair(one, one.title, one.text)
        last = one.document_id


def heading_pairs(texts: Iterable[CorpusText]) -> Iterator[AnsweredQuery]:
    """The title and the last heading with the first passage below it."""
    last = None
    for one in texts:
        place = (one.document_id, one.headings)
        if one.headings and place != last:
            yield from _pair(one, " ".join(filter(None, (one.title.strip(), one.headings[-1].strip()))), one.text)
        last = place


def neighbour_pairs(texts: Iterable[CorpusText]) -> Iterator[AnsweredQuery]:
    """A passage with the one that follows it in its document, without the text that both have."""
    for one, following in pairwise(texts):
        if one.document_id == following.document_id:
            common = max(one.start + len(one.text) - following.start, 0)
            if _says_enough(one.text):
                yield from _pair(following, one.text, following.text[common:])


def sentence_pairs(texts: Iterable[CorpusText], *, seed: int = 0) -> Iterator[AnsweredQuery]:
    """A sentence with its surroundings, from which it is left out (the inverse cloze task).

    Which sentence is taken depends on the seed and the text alone. A text of one sentence gives none.

    Source: Lee, Chang, Toutanova 2019, arXiv:1906.00300, section 4.
    """
    for one in texts:
        sentences = _SENTENCE_END.split(one.text.strip())
        places = [place for place, sentence in enumerate(sentences) if len(sentence.split()) >= _FEWEST_WORDS]
        if places:
            place = random.Random(f"{seed}/{one.text}").choice(places)
            rest = " ".join(sentences[:place] + sentences[place + 1 :])
            if _says_enough(rest):
                yield from _pair(one, sentences[place], f"{one.title} {rest}".strip())


CORPUS_PAIRS: Mapping[str, Callable[[Iterable[CorpusText]], Iterator[AnsweredQuery]]] = MappingProxyType(
    {
        "title": title_pairs,
        "heading": heading_pairs,
        "neighbours": neighbour_pairs,
        "cloze": sentence_pairs,
    }
)


def sample(pairs: Iterable[AnsweredQuery], limit: int, *, seed: int = 0) -> list[AnsweredQuery]:
    """At most `limit` of the pairs, each as likely as any other, in the order in which they came.

    Source: Vitter 1985, "Random Sampling with a Reservoir", algorithm R.
    """
    chance = random.Random(seed)
    kept: dict[int, tuple[int, AnsweredQuery]] = {}
    for number, pair in enumerate(pairs):
        place = number if number < limit else chance.randrange(number + 1)
        if place < limit:
            kept[place] = (number, pair)
    return [pair for _, pair in sorted(kept.values(), key=lambda one: one[0])]


def _pair(source: CorpusText, query: str, passage: str) -> Iterator[AnsweredQuery]:
    """The pair, if both sides say something, and not the same."""
    if query.strip() and _says_enough(passage) and same_text(query) != same_text(passage):
        yield AnsweredQuery(query.strip(), {source.document_id: passage.strip()})


def _says_enough(text: str) -> bool:
    return len(text.strip()) >= _FEWEST_CHARACTERS
