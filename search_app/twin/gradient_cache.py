"""A loss over a batch that is larger than memory.

The texts are encoded in parts without a graph; the loss and its gradient with respect to the vectors are
computed over all of them; in the backward pass each part is encoded again, with the same dropout, and given
its gradient. Loss and gradients are those of the plain form; only one part's graph is ever held.

Source: Gao et al. 2021, arXiv:2101.06983.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Features = dict[str, Tensor]
Encode = Callable[[Features], Tensor]


class _Part:
    """Features that are encoded twice, with the same random numbers."""

    def __init__(self, encode: Encode, features: Features) -> None:
        self._encode, self._features = encode, features
        self._devices = sorted({rows.get_device() for rows in features.values() if rows.is_cuda})
        self._state = torch.get_rng_state()
        self._device_states = [torch.cuda.get_rng_state(device) for device in self._devices]
        with torch.no_grad():
            self.vectors = encode(features)

    def replay(self, gradient: Tensor) -> None:
        """Encode again, with a graph, and give the encoder its gradients."""
        with torch.random.fork_rng(devices=self._devices), torch.enable_grad():
            torch.set_rng_state(self._state)
            for device, state in zip(self._devices, self._device_states, strict=True):
                torch.cuda.set_rng_state(state, device)
            torch.autograd.backward(self._encode(self._features), gradient)


def cached(loss: Callable[[Sequence[Tensor]], Tensor], encode: Encode, columns: Sequence[Sequence[Features]]) -> Tensor:
    """The loss over all columns, whose `backward` gives the encoder its gradients part by part.

    Args:
        loss: Takes one (rows, dim) tensor for each column; it has no parameters of its own.
        encode: One part -> (rows of the part, dim).
        columns: For each column its parts, in order.
    """
    parts = [[_Part(encode, features) for features in column] for column in columns]
    vectors = [torch.cat([part.vectors for part in column]) for column in parts]
    if not torch.is_grad_enabled():
        return loss(vectors)
    leaves = [rows.requires_grad_() for rows in vectors]
    value = loss(leaves)
    gradients = torch.autograd.grad(value, leaves)

    def _replay(outer: Tensor) -> None:
        for column, gradient in zip(parts, gradients, strict=True):
            shares = torch.split(gradient * outer, [len(part.vectors) for part in column])
            for part, share in zip(column, shares, strict=True):
                part.replay(share)

    result = value.detach().requires_grad_()
    result.register_hook(_replay)  # type: ignore[no-untyped-call]  # torch leaves it without types
    return result
