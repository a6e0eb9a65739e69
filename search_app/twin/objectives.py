"""Which losses fit which examples, and what each loss is given.

A person names an objective; a table says which shapes it fits, how its batches are put together and which of the
pure losses computes it. Whoever adds a loss adds a row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, nn

from search_app.errors import TrainingError
from search_app.twin import batch_triplets, losses
from search_app.twin.batches import Order, apart, by_class, in_order
from search_app.twin.energies import Energy
from search_app.twin.examples import RANKED, Shape


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """The encoded rows of one batch.

    Attributes:
        anchors: (batch, dim), the first text of each row.
        others: (any number, dim): the second text of each row, then all negatives; no rows for single texts.
        owners: (negatives,) int64: the row to which each negative belongs.
        labels: (batch,), or None where the shape has none.
        targets: (anchors and others, dim): what a teacher makes of the same texts; None without one.
    """

    anchors: Tensor
    others: Tensor
    owners: Tensor
    labels: Tensor | None = None
    targets: Tensor | None = None

    @property
    def partners(self) -> Tensor:
        """The second text of each row, (batch, dim)."""
        return self.others[: len(self.anchors)]

    @property
    def negatives(self) -> Tensor:
        """The hard negatives of all rows, (any number, dim)."""
        return self.others[len(self.anchors) :]

    def opposed(self) -> tuple[Tensor, Tensor]:
        """Rows and the negative that each is opposed to: every one of its own, else its neighbour's positive."""
        lacking = torch.ones(len(self.anchors), dtype=torch.bool, device=self.anchors.device)
        lacking[self.owners] = False
        rows = torch.cat([self.owners, lacking.nonzero().flatten()])
        return rows, torch.cat([self.negatives, self.partners.roll(-1, dims=0)[lacking]])

    def labelled_pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Left, right, and 1 or 0 for alike or unlike; ranked rows become such pairs."""
        if self.labels is not None:
            return self.anchors, self.partners, self.labels
        rows, negatives = self.opposed()
        labels = torch.cat([torch.ones_like(self.anchors[:, 0]), torch.zeros_like(negatives[:, 0])])
        left = torch.cat([self.anchors, self.anchors[rows]])
        return left, torch.cat([self.partners, negatives]), labels

    def given_labels(self) -> Tensor:
        """The labels of a shape that has them."""
        if self.labels is None:
            raise ValueError("This batch has no labels; expected one a row.")
        return self.labels

    def given_targets(self) -> Tensor:
        """The teacher's vectors, in a run that has a teacher."""
        if self.targets is None:
            raise ValueError("This batch has no vectors of a teacher; expected one a text.")
        return self.targets


@dataclass(frozen=True, slots=True)
class LossOptions:
    """What a loss may be tuned by; `head` is the classifier that the softmax trains beside the encoder."""

    temperature: float
    margin: float
    energy: Energy
    head: nn.Linear | None = None


Compute = Callable[[VectorBatch, LossOptions], Tensor]


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss as training uses it."""

    name: str
    shapes: frozenset[Shape]
    compute: Compute
    energy: str = "cosine"
    margin: float = 0.5
    is_cached: bool = False
    needs_teacher: bool = False
    trains_head: bool = False


def _in_batch_negatives(batch: VectorBatch, options: LossOptions) -> Tensor:
    return losses.in_batch_negatives(batch.anchors, batch.partners, batch.negatives, temperature=options.temperature)


def _symmetric(batch: VectorBatch, options: LossOptions) -> Tensor:
    return losses.symmetric(batch.anchors, batch.partners, batch.negatives, temperature=options.temperature)


def _triplet(batch: VectorBatch, options: LossOptions) -> Tensor:
    rows, negatives = batch.opposed()
    anchors, positives = batch.anchors[rows], batch.partners[rows]
    return losses.triplet(anchors, positives, negatives, energy=options.energy, margin=options.margin)


def _contrastive(batch: VectorBatch, options: LossOptions) -> Tensor:
    return losses.contrastive(*batch.labelled_pairs(), energy=options.energy, margin=options.margin)


def _online_contrastive(batch: VectorBatch, options: LossOptions) -> Tensor:
    return losses.online_contrastive(*batch.labelled_pairs(), energy=options.energy, margin=options.margin)


def _cosent(batch: VectorBatch, options: LossOptions) -> Tensor:
    return losses.cosent(batch.anchors, batch.partners, batch.given_labels(), temperature=options.temperature)


def _cosine_regression(batch: VectorBatch, _options: LossOptions) -> Tensor:
    return losses.cosine_regression(batch.anchors, batch.partners, batch.given_labels())


def _softmax(batch: VectorBatch, options: LossOptions) -> Tensor:
    if options.head is None:
        raise ValueError("The softmax loss has no classifier; expected one over the classes of the examples.")
    labels = batch.given_labels().long()
    weight = options.head.weight.view(options.head.out_features, 3, -1)  # (classes, u and v and |u - v|, dim)
    narrow = weight[..., : batch.anchors.shape[1]].flatten(1)  # shared by all lengths: Kusupati et al. 2022, MRL-E
    return losses.softmax(batch.anchors, batch.partners, labels, weight=narrow, bias=options.head.bias)


def _distillation(batch: VectorBatch, _options: LossOptions) -> Tensor:
    return losses.distillation(torch.cat([batch.anchors, batch.others]), batch.given_targets())


def _of_classes(loss: Callable[..., Tensor]) -> Compute:
    def compute(batch: VectorBatch, options: LossOptions) -> Tensor:
        return loss(batch.anchors, batch.given_labels(), energy=options.energy, margin=options.margin)

    return compute


_PAIRS = frozenset({Shape.LABELLED_PAIRS})
_SCORES = frozenset({Shape.SCORED_PAIRS, Shape.LABELLED_PAIRS})
_CLASSIFIED = frozenset({Shape.CLASSIFIED_PAIRS})
_CLASSES = frozenset({Shape.CLASSES})

# The first that fits a shape is the one that `auto` takes.
OBJECTIVES: Mapping[str, Objective] = MappingProxyType(
    {
        objective.name: objective
        for objective in (
            Objective("in-batch-negatives", RANKED, _in_batch_negatives),
            Objective("cached-in-batch-negatives", RANKED, _in_batch_negatives, is_cached=True),
            Objective("symmetric", RANKED, _symmetric),
            Objective("cached-symmetric", RANKED, _symmetric, is_cached=True),
            Objective("triplet", RANKED, _triplet, energy="euclidean"),
            Objective("contrastive", RANKED | _PAIRS, _contrastive),
            Objective("online-contrastive", RANKED | _PAIRS, _online_contrastive),
            Objective("cosent", _SCORES, _cosent),
            Objective("cosine-regression", _SCORES, _cosine_regression),
            Objective("softmax", _CLASSIFIED, _softmax, trains_head=True),
            Objective("batch-hard", _CLASSES, _of_classes(batch_triplets.batch_hard), energy="euclidean"),
            Objective("batch-semi-hard", _CLASSES, _of_classes(batch_triplets.batch_semi_hard), energy="euclidean"),
            Objective("batch-all", _CLASSES, _of_classes(batch_triplets.batch_all), energy="euclidean"),
            Objective("distillation", frozenset(Shape), _distillation, needs_teacher=True),
        )
    }
)


def order_of(objective: Objective, shape: Shape) -> Order:
    """How rows of this shape become batches for this objective."""
    if objective.needs_teacher:
        return in_order  # each text has its own target: nothing of the batch is compared
    if shape in RANKED:
        return apart
    return by_class if shape is Shape.CLASSES else in_order


def choose_objective(name: str, shape: Shape) -> Objective:
    """The objective of this name, or for "auto" the usual one for the shape.

    Raises:
        TrainingError: There is no such loss, or it doesn't fit the shape; the sentence names those that do.
    """
    fitting = [objective for objective in OBJECTIVES.values() if shape in objective.shapes]
    if name == "auto":
        return fitting[0]
    chosen = OBJECTIVES.get(name)
    if chosen not in fitting:
        what = "does not fit" if chosen else "is not known for"
        raise TrainingError(
            f"The loss {name!r} {what} examples of {shape.value}; expected one of "
            f"{', '.join(objective.name for objective in fitting)}. Choose one of them, or auto."
        )
    return next(objective for objective in fitting if objective.name == name)


def narrowed(compute: Compute, options: LossOptions, dims: Sequence[int]) -> Callable[[VectorBatch], Tensor]:
    """The loss of a batch, summed over the first d dimensions for each of `dims` when there are any."""

    def plain(batch: VectorBatch) -> Tensor:
        return compute(batch, options)

    def _nested(batch: VectorBatch) -> Tensor:
        given = {"anchors": batch.anchors, "others": batch.others, "targets": batch.targets}
        columns = {name: rows for name, rows in given.items() if rows is not None}

        def narrow(rows: Sequence[Tensor]) -> Tensor:
            return plain(replace(batch, **dict(zip(columns, rows, strict=True))))

        return losses.matryoshka(narrow, list(columns.values()), dims=dims)

    return _nested if dims else plain
