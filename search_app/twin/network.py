"""The one network that both twins pass through: backbone -> pooling -> projections -> unit length.

`forward` takes features, a mapping of tensors of shape (batch, tokens): `input_ids`, `attention_mask`, and
`pooling_mask` where some tokens (a prompt) are read but not pooled. It gives unit rows (batch, dim) in
float32, with gradients. Whatever the backbone's precision, everything after it is float32: pooling in
bfloat16 costs 0.004 of cosine.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone
from search_app.twin.pooling import pool

Features = Mapping[str, Tensor]

# The activations that a folder may name: a name is looked up here, never imported.
ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        "torch.nn.modules.activation.Tanh": nn.Tanh,
        "torch.nn.modules.activation.ReLU": nn.ReLU,
        "torch.nn.modules.activation.GELU": nn.GELU,
        "torch.nn.modules.activation.SiLU": nn.SiLU,
        "torch.nn.modules.activation.Sigmoid": nn.Sigmoid,
        "torch.nn.modules.linear.Identity": nn.Identity,
    }
)
IDENTITY = "torch.nn.modules.linear.Identity"


class Projection(nn.Module):
    """A linear layer with an activation, (batch, inputs) -> (batch, outputs)."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, activation: str) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.linear = nn.Linear(inputs, outputs, bias=bias)
        self.activation = ACTIVATIONS[activation]()
        self.activation_name = activation

    def forward(self, pooled: Tensor) -> Tensor:
        """The projected rows."""
        projected: Tensor = self.activation(self.linear(pooled))
        return projected


class TwinNetwork(nn.Module):
    """Texts as token ids in, unit rows out; the same weights for documents and queries."""

    def __init__(self, backbone: Backbone, poolings: tuple[str, ...], projections: tuple[Projection, ...] = ()) -> None:
        super().__init__()
        self.backbone = backbone
        self.poolings = poolings
        self.layers = nn.ModuleList(projections)
        self.dim = projections[-1].outputs if projections else backbone.width * len(poolings)

    def projections(self) -> list[Projection]:
        """The projections in their order."""
        return [layer for layer in self.layers if isinstance(layer, Projection)]

    def forward(self, features: Features) -> Tensor:
        """Unit rows, (batch, dim) float32."""
        return self.rows(self.backbone(features["input_ids"], features["attention_mask"]), features)

    def rows(self, tokens: Tensor, features: Features) -> Tensor:
        """Unit rows from token vectors (batch, tokens, width), whatever computed them."""
        mask = features.get("pooling_mask", features["attention_mask"])
        with torch.autocast(tokens.device.type, enabled=False):
            rows = pool(tokens.float(), mask, self.poolings)
            for projection in self.layers:
                rows = projection(rows)
            return nn.functional.normalize(rows, dim=-1)


def truncated(network: TwinNetwork, dim: int) -> TwinNetwork:
    """The network whose rows are the first `dim` components, of unit length again; the weights are shared or copied.

    It is a projection like any other, the last one with fewer rows or one that picks components: so every reader of
    the saved folder gets the same vectors, and training may go on from there.

    Raises:
        EncoderError: The network has fewer components, or none would be left.

    Source: Kusupati et al. 2022, Matryoshka representation learning, arXiv:2205.13147.
    """
    if not 1 <= dim <= network.dim:
        raise EncoderError(
            f"A vector of {network.dim} components can't be cut to {dim}; expected 1 to {network.dim}. "
            "Choose such a number."
        )
    *kept, last = network.projections() or [_picking(network.dim)]
    bias = last.linear.bias
    cut = Projection(last.inputs, dim, bias=bias is not None, activation=last.activation_name)
    with torch.no_grad():
        cut.linear.weight.copy_(last.linear.weight[:dim])
        if bias is not None:
            cut.linear.bias.copy_(bias[:dim])
    return TwinNetwork(network.backbone, network.poolings, (*kept, cut)).eval()


def _picking(dim: int) -> Projection:
    """A projection that changes nothing."""
    projection = Projection(dim, dim, bias=False, activation=IDENTITY)
    nn.init.eye_(projection.linear.weight)
    return projection
