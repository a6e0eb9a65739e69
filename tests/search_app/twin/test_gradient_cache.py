"""The cached form of a loss against its plain form."""

from collections.abc import Sequence

import torch
from torch import Tensor

from search_app.twin.gradient_cache import cached
from search_app.twin.losses import in_batch_negatives


def ranking(vectors: Sequence[Tensor]) -> Tensor:
    return in_batch_negatives(*vectors)


def network(dropout: float) -> torch.nn.Sequential:
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Dropout(dropout), torch.nn.Linear(8, 4))


def columns(part: int) -> list[list[dict[str, Tensor]]]:
    torch.manual_seed(8)
    return [[{"rows": rows} for rows in torch.randn(10, 6).split(part)] for _ in range(3)]


def gradients(part: int, dropout: float, scale: float = 1.0) -> tuple[Tensor, list[Tensor]]:
    model = network(dropout)
    batch = columns(part)
    torch.manual_seed(9)
    loss = cached(ranking, lambda features: model(features["rows"]), batch)
    (loss * scale).backward()
    return loss.detach(), [weights.grad for weights in model.parameters()]


def plain(dropout: float) -> tuple[Tensor, list[Tensor]]:
    model = network(dropout)
    batch = columns(10)
    torch.manual_seed(9)
    loss = ranking([model(column[0]["rows"]) for column in batch])
    loss.backward()
    return loss.detach(), [weights.grad for weights in model.parameters()]


def test_cached_gradients_equal_the_plain_ones_in_any_parts() -> None:
    for part in (1, 3, 10):
        torch.testing.assert_close(gradients(part, dropout=0.0), plain(dropout=0.0), rtol=1e-5, atol=1e-6)


def test_dropout_is_the_same_in_both_passes() -> None:
    torch.testing.assert_close(gradients(10, dropout=0.5), plain(dropout=0.5), rtol=1e-5, atol=1e-6)


def test_a_scaled_loss_gives_scaled_gradients() -> None:
    _, whole = gradients(3, dropout=0.0)
    _, half = gradients(3, dropout=0.0, scale=0.5)
    torch.testing.assert_close([gradient / 2 for gradient in whole], half)


def test_without_gradients_it_is_the_plain_loss() -> None:
    model = network(dropout=0.0)
    with torch.no_grad():
        value = cached(ranking, lambda features: model(features["rows"]), columns(4))
    torch.testing.assert_close(value, plain(dropout=0.0)[0])
    assert not value.requires_grad
