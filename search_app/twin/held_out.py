"""How good an encoder is on examples that it was not trained on.

The loss decides which checkpoint is the best one, since it still tells two encoders apart where a ranking of few
texts is perfect for both. Beside it stands one figure that people understand, by the examples' shape. Each text is
encoded once a measurement, in float32 and in full length, as search will encode it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from search_app.twin.batches import Plan
from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.examples import Example, Shape
from search_app.twin.layout import Kind
from search_app.twin.objectives import VectorBatch
from search_app.twin.trainee import (
    Encoding,
    Trainee,
    kind_of_anchors,
    labels_of,
    others_of,
    targets_of,
    texts_by_kind,
)

_RANK_CUT = 10
_RESAMPLINGS = 1000  # the ends of a 95 % interval then move by a hundredth of its width
Observations = NDArray[np.float64]  # (examples or queries, values of each)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure on held-out rows: what is seen of each one, and what all of them say together."""

    name: str
    observe: Callable[[Encoding, Sequence[Example]], Observations]
    summarise: Callable[[Observations], float]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: the loss and the figure by name, and what the figure was made of (no rows without one)."""

    figures: Mapping[str, float]
    observations: Observations


class HeldOut:
    """The held-out rows of a run, measured the same way each time.

    Args:
        rows: At least one.
        plan: Row numbers of each batch that the loss is computed for.
        figure: None where the shape has no figure.
        teacher: Of the objectives that need one.
    """

    def __init__(
        self,
        rows: Sequence[Example],
        shape: Shape,
        plan: Plan,
        *,
        figure: Figure | None,
        teacher: Encoding | None = None,
    ) -> None:
        self._rows, self._shape, self._plan = rows, shape, plan
        self._figure, self._teacher = figure, teacher

    def measure(self, trainee: Trainee, encoder: TwinEncoder) -> Measured:
        """Loss and figure; the network is left in the mode, training or not, in which it was."""
        was_training = trainee.training
        trainee.eval()
        try:
            encoded = _Encoded(encoder, texts_by_kind(self._rows, self._shape))
        finally:
            trainee.train(was_training)
        figures = {"loss": self._mean_loss(trainee, encoded, encoder.device)}
        if self._figure is None:
            return Measured(figures, np.zeros((0, 1)))
        observations = self._figure.observe(encoded, self._rows)
        return Measured(figures | {self._figure.name: self._figure.summarise(observations)}, observations)

    def _mean_loss(self, trainee: Trainee, encoded: Encoding, device: torch.device) -> float:
        """Mean over the rows, in batches that are the same at every measurement."""
        total, count = 0.0, 0
        for numbers in self._plan:
            rows = [self._rows[number] for number in numbers]
            with torch.no_grad():
                loss = trainee.loss(self._batch(rows, encoded, device)).item()
            total, count = total + loss * len(rows), count + len(rows)
        return total / count

    def _batch(self, rows: Sequence[Example], encoded: Encoding, device: torch.device) -> VectorBatch:
        others, owners = others_of(rows)
        anchors = encoded.encode([row.texts[0] for row in rows], kind=kind_of_anchors(self._shape))
        labels, targets = labels_of(rows), targets_of(rows, self._shape, self._teacher)
        return VectorBatch(
            anchors=torch.from_numpy(anchors).to(device),
            others=torch.from_numpy(encoded.encode(others, kind="document")).to(device),
            owners=torch.tensor(owners, dtype=torch.int64, device=device),
            labels=None if labels is None else labels.to(device),
            targets=None if targets is None else targets.to(device),
        )


class _Encoded:
    """What an encoder made of some texts."""

    def __init__(self, encoder: Encoding, texts: Mapping[Kind, Sequence[str]]) -> None:
        self._vectors = {kind: encoder.encode(some, kind=kind) for kind, some in texts.items()}
        self._places = {kind: {text: place for place, text in enumerate(some)} for kind, some in texts.items()}

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        places = [self._places[kind][text] for text in texts]
        vectors: Vectors = self._vectors[kind][places]
        return vectors


def interval_of_gain(before: Observations, after: Observations, figure: Figure) -> tuple[float, float]:
    """The 95 % interval of `after` minus `before`, by drawing the same held-out rows anew for both.

    Source: Efron and Tibshirani 1993, chapter 13; paired, as in Koehn 2004, section 3.
    """
    draw = np.random.default_rng(0)
    gains = []
    for _ in range(_RESAMPLINGS):
        rows = draw.integers(len(before), size=len(before))
        gains.append(figure.summarise(after[rows]) - figure.summarise(before[rows]))
    low, high = np.percentile(gains, [2.5, 97.5])
    return float(low), float(high)


def reciprocal_ranks(encoder: Encoding, rows: Sequence[Example], *, kind: Kind) -> Observations:
    """1/rank of the nearest of each query's positives, 0 below rank 10; (queries, 1), each query once.

    The pool is every positive and negative of the rows, each once.
    """
    pool = list(dict.fromkeys(text for row in rows for text in row.texts[1:]))
    positives: defaultdict[str, set[int]] = defaultdict(set)
    places = {text: place for place, text in enumerate(pool)}
    for row in rows:
        positives[row.texts[0]].add(places[row.texts[1]])
    scores = encoder.encode(list(positives), kind=kind) @ encoder.encode(pool, kind="document").T
    ranks = [_rank(own, sorted(right)) for own, right in zip(scores, positives.values(), strict=True)]
    return np.array([[1 / rank if rank <= _RANK_CUT else 0.0] for rank in ranks])


def _rank(scores: Vectors, right: Sequence[int]) -> float:
    """The best rank of the right places, from 1; amid equal scores the middle one, or a collapsed encoder had 1."""
    best = scores[right].max()
    equals = int((scores == best).sum()) - int((scores[right] == best).sum())
    return 1 + int((scores > best).sum()) + equals / 2


def mean(observations: Observations) -> float:
    """Of the only value of each row."""
    return float(observations.mean())


def cosines_and_labels(encoder: Encoding, rows: Sequence[Example]) -> Observations:
    """The cosine of each pair beside its label, (rows, 2)."""
    left, right = (encoder.encode([row.texts[side] for row in rows], kind="document") for side in (0, 1))
    return np.column_stack([(left * right).sum(axis=1), _labels(rows)])


def spearman(observations: Observations) -> float:
    """Rank correlation between cosines and scores, (rows, 2); 0 when either is constant."""
    cosines, scores = (rankdata(column) for column in observations.T)
    if np.ptp(cosines) == 0 or np.ptp(scores) == 0:
        return 0.0
    return float(np.corrcoef(cosines, scores)[0, 1])


def area_under_curve(observations: Observations) -> float:
    """The chance that an alike pair has a higher cosine than an unlike one; 0.5 without one of the two."""
    ranks, alike = rankdata(observations[:, 0]), observations[:, 1] == 1
    count, rest = int(alike.sum()), int((~alike).sum())
    if not count or not rest:
        return 0.5
    return float((ranks[alike].sum() - count * (count + 1) / 2) / (count * rest))


def neighbours_of_own_class(encoder: Encoding, rows: Sequence[Example]) -> Observations:
    """1 for each text whose nearest other text is of its class, else 0; (rows, 1)."""
    vectors, labels = encoder.encode([row.texts[0] for row in rows], kind="document"), _labels(rows)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return np.array(labels[cosines.argmax(axis=1)] == labels, dtype=np.float64)[:, None]


def cosines_to_teacher(encoder: Encoding, rows: Sequence[Example], *, shape: Shape, teacher: Encoding) -> Observations:
    """The cosine between encoder and teacher, mean over the texts of each row; (rows, 1)."""

    def cosines(texts: Sequence[str], kind: Kind) -> Vectors:
        ours, theirs = encoder.encode(texts, kind=kind), teacher.encode(texts, kind=kind)
        return np.array(np.einsum("td,td->t", ours, theirs))

    others = [(number, text) for number, row in enumerate(rows) for text in row.texts[1:]]
    owners = np.array([number for number, _ in others], dtype=np.int64)
    of_others = np.bincount(owners, cosines([text for _, text in others], "document"), minlength=len(rows))
    of_anchors = cosines([row.texts[0] for row in rows], kind_of_anchors(shape))
    counts = np.array([len(row.texts) for row in rows])
    return np.array((of_anchors + of_others) / counts)[:, None]


def _labels(rows: Sequence[Example]) -> NDArray[np.float64]:
    return np.array([row.label for row in rows], dtype=np.float64)


_FIGURES: Mapping[Shape, Figure] = MappingProxyType(
    {
        Shape.QUERIES: Figure(f"RR@{_RANK_CUT}", partial(reciprocal_ranks, kind="query"), mean),
        Shape.TRIPLETS: Figure(f"RR@{_RANK_CUT}", partial(reciprocal_ranks, kind="document"), mean),
        Shape.SCORED_PAIRS: Figure("Spearman", cosines_and_labels, spearman),
        Shape.LABELLED_PAIRS: Figure("AUC", cosines_and_labels, area_under_curve),
        Shape.CLASSES: Figure("nearest neighbour", neighbours_of_own_class, mean),
    }
)


def figure_of(shape: Shape, teacher: Encoding | None) -> Figure | None:
    """The figure for examples of this shape: with a teacher, the mean cosine to it."""
    if teacher is None:
        return _FIGURES.get(shape)
    return Figure("cosine to teacher", partial(cosines_to_teacher, shape=shape, teacher=teacher), mean)
