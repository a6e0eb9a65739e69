"""From token vectors to one vector a text.

Every pooling takes (batch, tokens, width) float32 and a mask (batch, tokens) that is 1 where a token counts
and gives (batch, width). Padding stands on the right and never changes a result. The names are those that
sentence-transformers writes into its folders.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

Pooling = Callable[[Tensor, Tensor], Tensor]


def _weighted(tokens: Tensor, weights: Tensor, total: Tensor) -> Tensor:
    """sum_i w_i·x_i / total, where weights are (batch, tokens) and total is (batch, 1)."""
    summed = torch.einsum("bt,btw->bw", weights, tokens)
    return summed / total.clamp(min=1e-9)


def _evenly(mask: Tensor) -> Tensor:
    return mask.float()


def _by_position(mask: Tensor) -> Tensor:
    return mask.float() * torch.arange(1, mask.shape[1] + 1, device=mask.device, dtype=torch.float32)


def mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens that count."""
    weights = _evenly(mask)
    return _weighted(tokens, weights, weights.sum(1, keepdim=True))


def mean_sqrt_len(tokens: Tensor, mask: Tensor) -> Tensor:
    """The sum of the tokens that count, over the square root of their number."""
    weights = _evenly(mask)
    return _weighted(tokens, weights, weights.sum(1, keepdim=True).sqrt())


def weighted_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean in which the token at position i, counted from 1, weighs i (SGPT, arXiv:2202.08904)."""
    weights = _by_position(mask)
    return _weighted(tokens, weights, weights.sum(1, keepdim=True))


def maximum(tokens: Tensor, mask: Tensor) -> Tensor:
    """The largest value of each component over the tokens that count."""
    return tokens.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)


def _token_at(tokens: Tensor, positions: Tensor) -> Tensor:
    """The one token of each row at its position; positions are (batch,)."""
    return tokens[torch.arange(tokens.shape[0], device=tokens.device), positions]


def first_token(tokens: Tensor, mask: Tensor) -> Tensor:
    """The first token that counts: [CLS], where the tokenizer writes one."""
    return _token_at(tokens, mask.to(torch.int32).argmax(dim=1))


def last_token(tokens: Tensor, mask: Tensor) -> Tensor:
    """The last token that counts."""
    from_the_end = mask.to(torch.int32).flip(1).argmax(dim=1)
    return _token_at(tokens, mask.shape[1] - 1 - from_the_end)


POOLINGS: Mapping[str, Pooling] = MappingProxyType(
    {
        "cls": first_token,
        "max": maximum,
        "mean": mean,
        "mean_sqrt_len_tokens": mean_sqrt_len,
        "weightedmean": weighted_mean,
        "lasttoken": last_token,
    }
)


# The weights of those poolings that are weighted means, from the mask; the length of the sum doesn't matter.
WEIGHTS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "mean": _evenly,
        "mean_sqrt_len_tokens": _evenly,
        "weightedmean": _by_position,
    }
)


def pool(tokens: Tensor, mask: Tensor, names: tuple[str, ...]) -> Tensor:
    """The poolings of these names side by side, (batch, len(names) * width)."""
    return torch.cat([POOLINGS[name](tokens, mask) for name in names], dim=-1)
