"""The sentence of a hit that says most of what was asked: by meaning, the one whose own vector is nearest to the query.

Sums over words would favour long sentences. The vectors of a passage's sentences are kept in memory, so a passage is
read once for all queries that find it; and one passage at a time, so that a search that comes meanwhile waits for no
more than that.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.sink import Vectors
from search_app.answers import Hit, SearchResult
from search_app.catalog import Catalog
from search_app.catalog.word_marks import IndexedText, Marks, Span, marked_words
from search_app.encoders import Encoders
from search_app.explain.sentences import sentences
from search_app.lexical import match_expression

if TYPE_CHECKING:  # torch is loaded when the first encoder is
    from search_app.twin.encoder import TwinEncoder

_SENTENCES_MOST = 64  # of one passage; only a document that was left whole has more
_KEPT = 2000  # passages: 15 MB with five sentences each and an encoder of 384 dimensions

_Key = tuple[str, int, str, str]  # collection, generation, fingerprint, chunk


class BestSentences:
    """Finds the best sentence of one hit after the other, for the searches of one home."""

    def __init__(self, catalog: Catalog, encoders: Encoders) -> None:
        self._catalog = catalog
        self._encoders = encoders
        self._kept: OrderedDict[_Key, Vectors] = OrderedDict()  # the last one was used last
        self._one_at_a_time = threading.Lock()

    def of(self, result: SearchResult, hit: Hit, *, is_reading: bool = True) -> Span | None:
        """The sentence's place in the hit's text; None where the text is a single one, or none fits the query.

        Args:
            result: What was found, with the vector that was searched for.
            hit: One of its hits.
            is_reading: Whether the passage may be read for it now; else None where it wasn't read yet.

        Raises:
            UnknownCollection, UnknownGeneration: What answered is gone.
            FingerprintMismatch: The encoder at hand isn't the one that answered.
        """
        cut = sentences(hit.text)[:_SENTENCES_MOST]
        if len(cut) < 2:
            return None
        if result.vector is None:
            read = IndexedText(hit.title, hit.headings, hit.text)
            return most_marked(hit.text, marked_words(match_expression(result.query), [read])[0])
        key = (result.collection, result.generation, result.encoder.fingerprint, hit.chunk_id)
        if not is_reading and key not in self._kept:
            return None
        vectors = self._vectors(key, [hit.text[slice(*span)] for span in cut])
        return best(cut, (vectors @ result.vector).tolist())

    def _vectors(self, key: _Key, texts: Sequence[str]) -> Vectors:
        with self._one_at_a_time:
            found = self._kept.pop(key, None)
            if found is None:
                found = self._read(key, texts)
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _read(self, key: _Key, texts: Sequence[str]) -> Vectors:
        name, number, *_ = key
        generation = self._catalog.generations.get(self._catalog.collections.get(name).id, number)
        return self._encoders.of_generation(generation, name).encode(texts)


def best_sentences(encoder: "TwinEncoder", hits: Sequence[Hit], query: Vectors) -> list[Span | None]:
    """The sentence of each hit that is nearest to the query, by one pass through the encoder for all of them."""
    cut = [sentences(hit.text)[:_SENTENCES_MOST] for hit in hits]
    texts = [hit.text[slice(*span)] for hit, spans in zip(hits, cut, strict=True) for span in spans if len(spans) > 1]
    scores = iter((encoder.encode(texts) @ query).tolist())
    return [best(spans, [next(scores) for _ in spans] if len(spans) > 1 else [0.0] * len(spans)) for spans in cut]


def most_marked(text: str, marks: Marks) -> Span | None:
    """The sentence with the most different words of the query; None where no sentence has one."""
    spans = sentences(text)
    counts = [
        float(len({text[start:end].lower() for start, end in marks.text if span[0] <= start < span[1]}))
        for span in spans
    ]
    return best(spans, counts) if any(counts) else None


def best(spans: Sequence[Span], scores: Sequence[float]) -> Span | None:
    """The first of those with the highest score."""
    return spans[scores.index(max(scores))] if spans else None
