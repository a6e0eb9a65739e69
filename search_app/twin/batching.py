"""Which texts are encoded together.

Texts of one batch are of about one length, so that little padding is computed, and a batch holds at most a
budget of tokens with its padding, so that memory doesn't depend on how long the texts are.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from search_app.twin.network import Features


def windows(texts: Iterable[str], *, most_texts: int, most_characters: int) -> Iterator[list[str]]:
    """The texts in order, as many together as both limits allow; a text that is longer by itself comes alone."""
    window: list[str] = []
    characters = 0
    for text in texts:
        if window and characters + len(text) > most_characters:
            yield window
            window, characters = [], 0
        window.append(text)
        characters += len(text)
        if len(window) == most_texts:
            yield window
            window, characters = [], 0
    if window:
        yield window


def batches_by_length(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Positions of texts, grouped, the longest texts first.

    Args:
        lengths: Tokens of each text, each ≥ 1.
        token_budget: No batch is larger, its padding counted, unless it is one text that is longer by itself.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    start = 0
    while start < len(order):
        size = max(1, token_budget // lengths[order[start]])
        yield order[start : start + size]
        start += size


def padded(rows: Sequence[Sequence[int]], *, pad_id: int, unpooled: int = 0) -> Features:
    """Features of one batch, padded on the right to its longest row.

    Args:
        rows: Token ids of each text, each at least one.
        unpooled: So many tokens at the beginning are read but not pooled; 0 leaves `pooling_mask` out.
    """
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    for place, row in zip(ids, rows, strict=True):
        place[: len(row)] = row
    mask = (torch.arange(longest) < lengths.unsqueeze(1)).long()
    features = {"input_ids": torch.from_numpy(ids), "attention_mask": mask}
    if unpooled:
        features["pooling_mask"] = mask.clone()
        features["pooling_mask"][:, :unpooled] = 0
    return features
