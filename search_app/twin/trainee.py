"""A network with the loss that it is trained by: features of a batch in, a scalar out.

The examples' texts become features here (`collate`), queries with the query prompt and passages with the document
prompt, exactly as they will be encoded in search, only cut to the training length. With several processes each one
encodes its share of a batch, and the loss is that of the whole batch in each of them.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.examples import Example, Shape
from search_app.twin.gradient_cache import cached
from search_app.twin.layout import Kind
from search_app.twin.network import Features, TwinNetwork
from search_app.twin.objectives import VectorBatch
from search_app.twin.processes import ALONE, Processes

Batch = dict[str, Features | Tensor | None]

_LIKE = 0.8  # of the longest text of a group
_TOKENS_WORTH_A_PASS = 256  # with fewer, a pass through the network costs more than their padding
_TOKENS_AT_ONCE = 4096  # in one pass; more don't fit into a processor's caches
_TOKENS_WITH_GRAPH = 8_192  # of a batch; the graph takes a third of a megabyte for each


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
        cached_rows: With gradient caching, so many texts are encoded with a graph at a time; None: caches only the
            gradients of a batch whose graph would be too large, where the loss has no parameters of its own.
        is_half: Whether the backbone multiplies in bfloat16; everything else is float32.
        processes: That share each batch; the loss is over all of it.
    """

    def __init__(
        self,
        network: TwinNetwork,
        loss: Callable[[VectorBatch], Tensor],
        *,
        head: nn.Linear | None = None,
        cached_rows: int | None = None,
        is_half: bool = False,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.loss = loss
        self._cached_rows = cached_rows
        self._is_half = is_half
        self.processes = processes

    def forward(
        self,
        anchors: Features,
        others: Features | None,
        owners: Tensor,
        labels: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The loss of a batch, under the name that the trainer looks for."""
        passes = _passes([anchors] if others is None else [anchors, others], self._cached_rows)
        own = len(anchors["input_ids"])

        def loss(encoded: Sequence[Tensor]) -> Tensor:
            rows = torch.cat([vectors[one.places] for vectors, one in zip(encoded, passes, strict=True)])
            batch = VectorBatch(rows[:own], rows[own:], owners, labels, targets)
            return self.loss(batch if self.processes.are_one else _of_all(batch, self.processes))

        if self._is_cached(passes):
            return {"loss": cached(loss, self._encode, [one.parts for one in passes])}
        return {"loss": loss([torch.cat([self._encode(part) for part in one.parts]) for one in passes])}

    def _is_cached(self, passes: "Sequence[_Passes]") -> bool:
        tokens = sum(part["input_ids"].numel() for one in passes for part in one.parts)
        may_be = self.head is None and self.processes.are_one  # processes must take the same way, and batches differ
        return self._cached_rows is not None or (may_be and tokens > _TOKENS_WITH_GRAPH)

    def _encode(self, features: Features) -> Tensor:
        with self._products(features["input_ids"].device):
            rows: Tensor = self.network(features)
        return rows

    def _products(self, device: torch.device) -> AbstractContextManager[object]:
        return torch.autocast(device.type, torch.bfloat16, enabled=self._is_half)


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


@dataclass(frozen=True, slots=True)
class _Passes:
    """Texts in the parts in which they go through the network; text i is row places[i] of what comes out."""

    parts: list[dict[str, Tensor]]
    places: Tensor


def _passes(columns: Sequence[Features], most_rows: int | None) -> list[_Passes]:
    """All columns as one where they have the same features; else, with a prompt that isn't pooled, each by itself."""
    if len(columns) > 1 and columns[0].keys() == columns[1].keys():
        longest = max(features["input_ids"].shape[1] for features in columns)
        widened = [_widened(features, longest) for features in columns]
        columns = [{name: torch.cat([features[name] for features in widened]) for name in widened[0]}]
    return [_in_parts(features, most_rows) for features in columns]


def _in_parts(features: Features, most_rows: int | None) -> _Passes:
    lengths = features["attention_mask"].sum(1).tolist()
    groups = groups_of_like_length(lengths, most_rows)
    parts = [{name: tensor[group, : lengths[group[0]]] for name, tensor in features.items()} for group in groups]
    order = torch.tensor([place for group in groups for place in group], device=features["input_ids"].device)
    return _Passes(parts, order.argsort())


def _widened(features: Features, width: int) -> Features:
    return {name: functional.pad(tensor, (0, width - tensor.shape[1])) for name, tensor in features.items()}


def groups_of_like_length(lengths: Sequence[int], most_rows: int | None = None) -> list[list[int]]:
    """Places of texts in groups that lose little to padding, the longest text of each group first.

    A batch of sentences padded to its longest is two thirds padding; in such groups it costs less than half.

    Args:
        lengths: Tokens of each text.
        most_rows: Of a group; None: as many as the tokens allow.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if not groups or _is_full(groups[-1], lengths, lengths[place], most_rows):
            groups.append([])
        groups[-1].append(place)
    return groups


def _is_full(group: Sequence[int], lengths: Sequence[int], next_length: int, most_rows: int | None) -> bool:
    longest = lengths[group[0]]
    tokens = longest * len(group)
    differs = next_length < _LIKE * longest and tokens >= _TOKENS_WORTH_A_PASS
    return differs or tokens >= _TOKENS_AT_ONCE or len(group) == most_rows
