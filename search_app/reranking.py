"""The second stage of a search: a cross-encoder orders the first documents anew, if it is done in time.

What it hasn't read in time, it hasn't ordered: then the order of the first stage stands, whole, and the answer says so.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from search_app.answers import Rerank, SecondStage
from search_app.encoders import Encoders
from search_app.paging import Place

if TYPE_CHECKING:  # torch is loaded when the first cross-encoder is
    from search_app.twin.cross_encoder import CrossEncoder


class Reranker:
    """Keeps the cross-encoder that was used last."""

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._lock = threading.Lock()
        self._loaded: CrossEncoder | None = None

    def rerank(
        self, query: str, places: Sequence[Place], texts: Mapping[str, str], rerank: Rerank
    ) -> tuple[list[Place], SecondStage]:
        """The documents in their new order, and what became of it.

        Args:
            query: What a person asks.
            places: The documents in the order of the first stage; those after `rerank.top` keep their places.
            texts: What is read of each chunk; a chunk without text was replaced a moment ago, and falls out.
            rerank: By what, how many, how long.

        Raises:
            UnknownEncoder, EncoderError: There is no such cross-encoder, or it can't or mustn't be loaded.
        """
        encoder = self._load(rerank.name)
        first = [place for place in places[: rerank.top] if place.best.chunk_id in texts]
        begun = time.monotonic()
        deadline = begun + rerank.milliseconds / 1000
        scores = encoder.scores(query, [texts[place.best.chunk_id] for place in first], deadline=deadline)
        milliseconds = (time.monotonic() - begun) * 1000
        stage = SecondStage(rerank.name, len(first), scores is not None, milliseconds)
        if scores is None:
            return list(places), stage
        scored = [_scored(place, score) for place, score in zip(first, scores, strict=True)]
        ordered = sorted(scored, key=lambda place: -place.best.score)  # stable: of equal ones the first stage decides
        return [*ordered, *places[rerank.top :]], stage

    def _load(self, name: str) -> "CrossEncoder":
        with self._lock:
            if self._loaded is None or self._loaded.name != name:
                from search_app.twin.cross_encoder import CrossEncoder

                self._loaded = CrossEncoder.load(name, device=self._encoders.device, folder=self._encoders.shelf)
            return self._loaded


def _scored(place: Place, score: float) -> Place:
    parts = {**place.best.parts, "first stage": place.best.score, "rerank": score}
    return replace(place, best=replace(place.best, score=score, parts=parts))
