"""What each token adds to a text's vector, where the vector is a sum over tokens.

It is one where the pooling is a weighted mean and every projection is linear: the unit row is then
sum_i w_i·P·x_i / |sum_j w_j·P·x_j|, and a cosine similarity is a sum over tokens too. With another pooling (the
maximum, one token), or an activation or bias behind it, no share of a token can be told exactly.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_app.twin.network import IDENTITY, Features, TwinNetwork
from search_app.twin.pooling import WEIGHTS

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TokenParts:
    """The tokens of one text and what they add.

    Attributes:
        spans: Where in the text each token stands, from its first character to behind its last; None for tokens
            that aren't of the text: special ones and those of a prompt.
        vectors: (tokens, dim) float32; their sum is the text's unit row.
    """

    spans: tuple[Span | None, ...]
    vectors: NDArray[np.float32]


def is_sum_of_tokens(network: TwinNetwork) -> bool:
    """Whether the network's rows are sums over tokens, up to their length."""
    is_linear = all(
        projection.linear.bias is None and projection.activation_name == IDENTITY
        for projection in network.projections()
    )
    return is_linear and len(network.poolings) == 1 and network.poolings[0] in WEIGHTS


def parts_of_rows(network: TwinNetwork, tokens: Tensor, features: Features) -> Tensor:
    """What each token adds to the unit rows: (batch, tokens, dim) from token vectors (batch, tokens, width)."""
    mask = features.get("pooling_mask", features["attention_mask"])
    with torch.autocast(tokens.device.type, enabled=False):
        weighted = tokens.float() * WEIGHTS[network.poolings[0]](mask).unsqueeze(-1)
        for projection in network.layers:
            weighted = projection(weighted)
        length = weighted.sum(1).norm(dim=-1).clamp(min=1e-12)
        parts: Tensor = weighted / length[:, None, None]
        return parts
