"""Examples without any judgement: what a corpus says about itself.

A title asks for its text, a heading for its passage, and a sentence for the passage that it was taken out of. All
are query and passage, so that they can be trained on together with judged ones. Texts stream; nothing is kept.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search_app.twin.examples import Example, query_positive

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_FEWEST_WORDS = 4  # of a sentence that can stand for a question
_FEWEST_CHARACTERS = 40  # of a passage that says enough to be an answer


@dataclass(frozen=True, slots=True)
class CorpusText:
    """A passage of the corpus with what stands above it; `text` is without title and headings."""

    title: str
    text: str
    headings: tuple[str, ...] = ()


def title_pairs(texts: Iterable[CorpusText]) -> Iterator[Example]:
    """The title, or below headings the title and the last of them, with the text under it."""
    for source in texts:
        query = " ".join(part for part in (source.title, *source.headings[-1:]) if part.strip())
        if query and _says_enough(source.text):
            yield query_positive(query, source.text)


def sentence_pairs(texts: Iterable[CorpusText], *, seed: int = 0) -> Iterator[Example]:
    """A sentence with its surroundings, from which it is left out (the inverse cloze task).

    Which sentence is taken depends on the seed and the text alone. A text of one sentence gives none.

    Source: Lee, Chang, Toutanova 2019, arXiv:1906.00300, section 4.
    """
    for source in texts:
        sentences = _SENTENCE_END.split(source.text.strip())
        places = [place for place, one in enumerate(sentences) if len(one.split()) >= _FEWEST_WORDS]
        if not places:
            continue
        place = random.Random(f"{seed}/{source.text}").choice(places)
        rest = " ".join(sentences[:place] + sentences[place + 1 :])
        if _says_enough(rest):
            yield query_positive(sentences[place], f"{source.title} {rest}".strip())


def _says_enough(text: str) -> bool:
    return len(text.strip()) >= _FEWEST_CHARACTERS
