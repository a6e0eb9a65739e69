"""How good an encoder is on examples that it was not trained on.

The loss decides which checkpoint is the best one, since it still tells two encoders apart where a ranking of few
texts is perfect for both. Beside it stands one figure that people understand, by the examples' shape.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from search_app.twin.batches import plan_batches
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Example, Examples, Shape
from search_app.twin.layout import Kind
from search_app.twin.objectives import order_of
from search_app.twin.trainee import Trainee, collate, moved

_RANK_CUT = 10
Figure = Callable[[TwinEncoder, Sequence[Example]], float]


def measure(
    trainee: Trainee, encoder: TwinEncoder, examples: Examples, *, batch_size: int, max_tokens: int
) -> dict[str, float]:
    """Loss and figure on the held-out rows, by name; empty when no rows are held out.

    The network is left in the mode, training or not, in which it was.
    """
    if not examples.held_out:
        return {}
    was_training = trainee.training
    trainee.eval()
    try:
        loss = _mean_loss(trainee, encoder, examples, batch_size=batch_size, max_tokens=max_tokens)
        figures = {"loss": loss}
        if examples.shape in FIGURES:
            name, figure = FIGURES[examples.shape]
            figures[name] = figure(encoder, examples.held_out)
        return figures
    finally:
        trainee.train(was_training)


def _mean_loss(
    trainee: Trainee, encoder: TwinEncoder, examples: Examples, *, batch_size: int, max_tokens: int
) -> float:
    """Mean over the rows, in batches that are the same at every measurement; NaN when no rows can meet."""
    total, count = 0.0, 0
    for numbers in plan_batches(examples.held_out, batch_size, order=order_of(examples.shape)):
        rows = [examples.held_out[number] for number in numbers]
        batch = collate(encoder, examples.shape, rows, max_tokens=max_tokens)
        with torch.no_grad():
            loss = trainee(**moved(batch, encoder.device))["loss"].item()
        total, count = total + loss * len(rows), count + len(rows)
    return total / count if count else float("nan")


def reciprocal_rank(encoder: TwinEncoder, rows: Sequence[Example], *, kind: Kind) -> float:
    """Mean over the rows of 1/rank of the nearest of the anchor's positives, 0 below rank 10.

    The pool is every positive and negative of the rows, each once.
    """
    pool = list(dict.fromkeys(text for row in rows for text in row.texts[1:]))
    positives: defaultdict[str, set[int]] = defaultdict(set)
    places = {text: place for place, text in enumerate(pool)}
    for row in rows:
        positives[row.texts[0]].add(places[row.texts[1]])
    scores = encoder.encode(list(positives), kind=kind) @ encoder.encode(pool).T
    ranks = [
        1 + int((own > own[sorted(right)].max()).sum()) for own, right in zip(scores, positives.values(), strict=True)
    ]
    return float(np.mean([1 / rank if rank <= _RANK_CUT else 0.0 for rank in ranks]))


def spearman(encoder: TwinEncoder, rows: Sequence[Example]) -> float:
    """Rank correlation between the cosines of the pairs and their scores; 0 when either is constant."""
    cosines, scores = (rankdata(values) for values in (_cosines(encoder, rows), _labels(rows)))
    if np.ptp(cosines) == 0 or np.ptp(scores) == 0:
        return 0.0
    return float(np.corrcoef(cosines, scores)[0, 1])


def area_under_curve(encoder: TwinEncoder, rows: Sequence[Example]) -> float:
    """The chance that an alike pair has a higher cosine than an unlike one; 0.5 without one of the two."""
    ranks, alike = rankdata(_cosines(encoder, rows)), _labels(rows) == 1
    count, rest = int(alike.sum()), int((~alike).sum())
    if not count or not rest:
        return 0.5
    return float((ranks[alike].sum() - count * (count + 1) / 2) / (count * rest))


def neighbour_accuracy(encoder: TwinEncoder, rows: Sequence[Example]) -> float:
    """The share of texts whose nearest other text is of their class."""
    vectors, labels = encoder.encode([row.texts[0] for row in rows]), _labels(rows)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return float((labels[cosines.argmax(axis=1)] == labels).mean())


def _cosines(encoder: TwinEncoder, rows: Sequence[Example]) -> NDArray[np.float32]:
    left, right = (encoder.encode([row.texts[side] for row in rows]) for side in (0, 1))
    cosines: NDArray[np.float32] = (left * right).sum(axis=1)
    return cosines


def _labels(rows: Sequence[Example]) -> NDArray[np.float64]:
    return np.array([row.label for row in rows], dtype=np.float64)


FIGURES: Mapping[Shape, tuple[str, Figure]] = MappingProxyType(
    {
        Shape.QUERIES: (f"RR@{_RANK_CUT}", partial(reciprocal_rank, kind="query")),
        Shape.TRIPLETS: (f"RR@{_RANK_CUT}", partial(reciprocal_rank, kind="document")),
        Shape.SCORED_PAIRS: ("Spearman", spearman),
        Shape.LABELLED_PAIRS: ("AUC", area_under_curve),
        Shape.CLASSES: ("nearest neighbour", neighbour_accuracy),
    }
)
