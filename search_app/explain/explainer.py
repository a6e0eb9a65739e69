"""Explains hits, by the generation and the encoder that found them.

A result carries the vector that was searched for, so nothing of the query is computed again; a hit costs one pass
through the encoder for its passage and one for its sentences.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.chunking import passage
from ingest.sink import Vectors
from search_app.answers import Hit, SearchResult
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.word_marks import IndexedText, marked_words
from search_app.catalog.words import Scope
from search_app.encoders import Encoders
from search_app.explain.best import best_sentences, most_marked
from search_app.explain.explanation import Explanation
from search_app.explain.shares import shares
from search_app.lexical import counted_terms, match_expression, quoted
from search_app.retrieval import Mode

if TYPE_CHECKING:  # torch is loaded when the first encoder is
    from search_app.twin.encoder import TwinEncoder


class Explainer:
    """Explains the hits of one home's searches."""

    def __init__(self, catalog: Catalog, encoders: Encoders) -> None:
        self._catalog = catalog
        self._encoders = encoders

    def explain(self, result: SearchResult) -> tuple[Explanation, ...]:
        """An explanation of each hit of the result, in their order.

        Raises:
            UnknownCollection, UnknownGeneration: What answered is gone.
            FingerprintMismatch: The encoder at hand isn't the one that answered.
        """
        collection = self._catalog.collections.get(result.collection)
        generation = self._catalog.generations.get(collection.id, result.generation)
        explanations = self._by_words(generation, result)
        if result.vector is None or not result.hits:
            return explanations
        encoder = self._encoders.of_generation(generation, result.collection)
        best = best_sentences(encoder, result.hits, result.vector)
        return tuple(
            replace(_by_meaning(encoder, hit, result.vector, explanation), sentence=sentence)
            for hit, explanation, sentence in zip(result.hits, explanations, best, strict=True)
        )

    def _by_words(self, generation: Generation, result: SearchResult) -> tuple[Explanation, ...]:
        if result.mode == Mode.DENSE:
            return tuple(Explanation(hit.rank, read_end=len(hit.text)) for hit in result.hits)
        passages = [IndexedText(hit.title, hit.headings, hit.text) for hit in result.hits]
        marks = marked_words(match_expression(result.query), passages)
        scores = self._word_scores(generation, result)
        return tuple(
            Explanation(
                hit.rank,
                sentence=most_marked(hit.text, own),
                marks=own,
                word_scores=scores[hit.chunk_id],
                read_end=len(hit.text),
            )
            for hit, own in zip(result.hits, marks, strict=True)
        )

    def _word_scores(self, generation: Generation, result: SearchResult) -> Mapping[str, Mapping[str, float]]:
        """What each word of the query adds to each chunk's BM25, which is a sum over words; larger ones first."""
        scores: dict[str, dict[str, float]] = {hit.chunk_id: {} for hit in result.hits}
        scope = Scope(chunk_ids=tuple(scores))
        for term, count in counted_terms(result.query).items():
            found = self._catalog.words.search(generation, quoted(term), limit=len(scores), scope=scope)
            for one in found:
                scores[one.id][term] = count * one.score
        return {chunk_id: dict(sorted(own.items(), key=lambda pair: -pair[1])) for chunk_id, own in scores.items()}


def _by_meaning(encoder: "TwinEncoder", hit: Hit, query: Vectors, explanation: Explanation) -> Explanation:
    read = passage(hit.title, hit.headings, hit.text)
    parts = encoder.parts(read)
    if parts is None:
        note = "This encoder's vectors aren't sums over words, so no share of a word can be told exactly."
        return replace(explanation, note=note)
    text_start = len(read) - len(hit.text)
    found = shares(read, parts.spans, (parts.vectors @ query).tolist(), text_start)
    is_cut = len(parts.spans) == encoder.max_tokens
    read_end = max(0, found.read_end - text_start) if is_cut else len(hit.text)
    return replace(explanation, similarity=found.total, words=found.words, rest=found.rest, read_end=read_end)
