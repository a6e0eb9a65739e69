"""A network with the loss that it is trained by: features of a batch in, a scalar out.

The examples' texts become features here (`collate`), queries with the query prompt and passages with the document
prompt, exactly as they will be encoded in search, only cut to the training length. With several processes each one
encodes its share of a batch, and the loss is that of the whole batch in each of them.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn

from search_app.twin.batching import batches_by_length
from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.examples import Example, Shape
from search_app.twin.gradient_cache import cached
from search_app.twin.layout import Kind
from search_app.twin.network import Features, TwinNetwork
from search_app.twin.objectives import VectorBatch
from search_app.twin.processes import ALONE, Processes
from search_app.twin.runtime import Precision

Batch = dict[str, Features | Tensor | None]

_TOKENS_AT_ONCE = 4096  # of a column, its padding counted; more texts go through the network in several parts


class Encoding(Protocol):
    """Whatever gives unit rows for texts: an encoder, or a table of what one gave before."""

    def encode(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        """Unit rows of the texts, (len(texts), dim) float32."""


class Trainee(nn.Module):
    """What the trainer trains.

    Args:
        network: The twin network, changed in place.
        loss: From the encoded batch to a scalar.
        head: A classifier that the loss trains beside the network.
        cached_rows: With gradient caching, so many texts are encoded with a graph at a time; else None.
        precision: Of the backbone's products while training; everything else is float32.
        processes: That share each batch; the loss is over all of it.
    """

    def __init__(
        self,
        network: TwinNetwork,
        loss: Callable[[VectorBatch], Tensor],
        *,
        head: nn.Linear | None = None,
        cached_rows: int | None = None,
        precision: Precision = "fp32",
        processes: Processes = ALONE,
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.loss = loss
        self._cached_rows = cached_rows
        self._precision = precision
        self._processes = processes

    def forward(
        self,
        anchors: Features,
        others: Features | None,
        owners: Tensor,
        labels: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The loss of a batch, under the name that the trainer looks for."""

        def loss(vectors: Sequence[Tensor]) -> Tensor:
            rest = vectors[1] if len(vectors) > 1 else vectors[0][:0]
            batch = VectorBatch(vectors[0], rest, owners, labels, targets)
            return self.loss(batch if self._processes.are_one else _of_all(batch, self._processes))

        columns = [anchors] if others is None else [anchors, others]
        if self._cached_rows is None:
            return {"loss": loss([self._encode_column(features) for features in columns])}
        parts = [_parts(column, self._cached_rows) for column in columns]
        return {"loss": cached(loss, self._encode, parts)}

    def _encode(self, features: Features) -> Tensor:
        with self._products(features["input_ids"].device):
            rows: Tensor = self.network(features)
        return rows

    def _encode_column(self, features: Features) -> Tensor:
        """Rows of a column, long texts together and short ones together, so that little padding is computed."""
        lengths = features["attention_mask"].sum(1).tolist()
        groups = list(batches_by_length(lengths, _TOKENS_AT_ONCE))
        if len(groups) == 1:
            return self._encode(features)
        encoded = torch.cat([self._encode(_cut(features, group, lengths[group[0]])) for group in groups])
        places = torch.tensor([place for group in groups for place in group], device=encoded.device)
        return encoded[places.argsort()]

    def _products(self, device: torch.device) -> AbstractContextManager[object]:
        return torch.autocast(device.type, torch.bfloat16, enabled=self._precision == "bf16")


def kind_of_anchors(shape: Shape) -> Kind:
    """What the first text of a row is to the encoder; the others are documents."""
    return "query" if shape is Shape.QUERIES else "document"


def texts_by_kind(rows: Iterable[Example], shape: Shape) -> dict[Kind, list[str]]:
    """All texts of the rows, each once for each kind that it stands for."""
    texts: dict[Kind, dict[str, None]] = {"query": {}, "document": {}}
    for row in rows:
        texts[kind_of_anchors(shape)][row.texts[0]] = None
        texts["document"].update(dict.fromkeys(row.texts[1:]))
    return {kind: list(found) for kind, found in texts.items()}


def others_of(rows: Sequence[Example]) -> tuple[list[str], list[int]]:
    """The second texts of all rows and then all negatives; and the row of each negative."""
    seconds = [text for row in rows for text in row.texts[1:2]]
    negatives = [(text, number) for number, row in enumerate(rows) for text in row.texts[2:]]
    return seconds + [text for text, _ in negatives], [number for _, number in negatives]


def labels_of(rows: Sequence[Example]) -> Tensor | None:
    """(rows,) float32, or None for a shape without labels."""
    labels = [row.label for row in rows if row.label is not None]
    return torch.tensor(labels, dtype=torch.float32) if labels else None


def targets_of(rows: Sequence[Example], shape: Shape, teacher: Encoding | None) -> Tensor | None:
    """The teacher's vectors of the rows' first texts, then of all others; None without a teacher."""
    if teacher is None:
        return None
    anchors = teacher.encode([row.texts[0] for row in rows], kind=kind_of_anchors(shape))
    others = teacher.encode(others_of(rows)[0], kind="document")
    return torch.cat([torch.from_numpy(anchors), torch.from_numpy(others)])


def collate(
    encoder: TwinEncoder, shape: Shape, rows: Sequence[Example], *, max_tokens: int, teacher: Encoding | None = None
) -> Batch:
    """The forward arguments of a `Trainee` for these rows."""
    others, owners = others_of(rows)
    anchors = [row.texts[0] for row in rows]
    return {
        "anchors": encoder.features(anchors, kind=kind_of_anchors(shape), max_tokens=max_tokens),
        "others": encoder.features(others, max_tokens=max_tokens) if others else None,
        "owners": torch.tensor(owners, dtype=torch.int64),
        "labels": labels_of(rows),
        "targets": targets_of(rows, shape, teacher),
    }


def _of_all(batch: VectorBatch, processes: Processes) -> VectorBatch:
    """The batch of all processes; only this one's own vectors carry gradients."""
    gathered = processes.gathered
    own = len(batch.anchors)
    seconds, negatives = batch.partners, batch.negatives
    targets = batch.targets
    if targets is not None:
        parts = (targets[:own], targets[own : own + len(seconds)], targets[own + len(seconds) :])
        targets = torch.cat([gathered(part) for part in parts])
    return VectorBatch(
        anchors=gathered(batch.anchors),
        others=torch.cat([gathered(seconds), gathered(negatives)]),
        owners=gathered(batch.owners + processes.count_before(own)),
        labels=None if batch.labels is None else gathered(batch.labels),
        targets=targets,
    )


def _parts(features: Features, size: int) -> list[dict[str, Tensor]]:
    """The rows of a batch in parts, each without the padding that it doesn't need."""
    lengths = features["attention_mask"].sum(1)
    starts = range(0, len(lengths), size)
    return [_cut(features, slice(start, start + size), int(lengths[start : start + size].max())) for start in starts]


def _cut(features: Features, rows: slice | list[int], longest: int) -> dict[str, Tensor]:
    return {name: tensor[rows, :longest] for name, tensor in features.items()}
