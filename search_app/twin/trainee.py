"""A network with the loss that it is trained by: features of a batch in, a scalar out.

The examples' texts become features here (`collate`), queries with the query prompt and passages with the document
prompt, exactly as they will be encoded in search, only cut to the training length.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Example, Shape
from search_app.twin.gradient_cache import cached
from search_app.twin.layout import Kind
from search_app.twin.network import Features, TwinNetwork
from search_app.twin.objectives import VectorBatch

Batch = dict[str, Features | Tensor | None]


class Trainee(nn.Module):
    """What the trainer trains.

    Args:
        network: The twin network, changed in place.
        loss: From the encoded batch to a scalar.
        head: A classifier that the loss trains beside the network.
        cached_rows: With gradient caching, so many texts are encoded with a graph at a time; else None.
    """

    def __init__(
        self,
        network: TwinNetwork,
        loss: Callable[[VectorBatch], Tensor],
        *,
        head: nn.Linear | None = None,
        cached_rows: int | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self._loss = loss
        self._cached_rows = cached_rows

    def forward(
        self, anchors: Features, others: Features | None, owners: Tensor, labels: Tensor | None
    ) -> dict[str, Tensor]:
        """The loss of a batch, under the name that the trainer looks for."""

        def loss(vectors: Sequence[Tensor]) -> Tensor:
            rest = vectors[1] if len(vectors) > 1 else vectors[0][:0]
            return self._loss(VectorBatch(vectors[0], rest, owners, labels))

        columns = [anchors] if others is None else [anchors, others]
        if self._cached_rows is None:
            return {"loss": loss([self.network(features) for features in columns])}
        return {"loss": cached(loss, self.network, [_parts(column, self._cached_rows) for column in columns])}


def collate(encoder: TwinEncoder, shape: Shape, rows: Sequence[Example], *, max_tokens: int) -> Batch:
    """The forward arguments of a `Trainee` for these rows."""
    kind: Kind = "query" if shape is Shape.QUERIES else "document"
    others = [text for row in rows for text in row.texts[1:2]]
    others += [text for row in rows for text in row.texts[2:]]
    owners = [number for number, row in enumerate(rows) for _ in row.texts[2:]]
    labels = [row.label for row in rows if row.label is not None]
    return {
        "anchors": encoder.features([row.texts[0] for row in rows], kind=kind, max_tokens=max_tokens),
        "others": encoder.features(others, max_tokens=max_tokens) if others else None,
        "owners": torch.tensor(owners, dtype=torch.int64),
        "labels": torch.tensor(labels) if labels else None,
    }


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch with all its tensors on the device."""

    def on_device(value: Features | Tensor | None) -> Features | Tensor | None:
        if value is None or isinstance(value, Tensor):
            return value if value is None else value.to(device)
        return {name: tensor.to(device) for name, tensor in value.items()}

    return {name: on_device(value) for name, value in batch.items()}


def _parts(features: Features, size: int) -> list[dict[str, Tensor]]:
    """The rows of a batch in parts, each without the padding that it doesn't need."""
    parts = []
    for start in range(0, len(features["input_ids"]), size):
        rows = slice(start, start + size)
        longest = int(features["attention_mask"][rows].sum(1).max())
        parts.append({name: tensor[rows, :longest] for name, tensor in features.items()})
    return parts
