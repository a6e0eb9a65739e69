"""From a folder's layout to the network and the tokenizer in memory.

How large a part is, its tensors say: nothing is allocated because a configuration asks for it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone, refuse_non_finite
from search_app.twin.json_files import read_json
from search_app.twin.layout import Layout
from search_app.twin.lstm_backbone import LstmBackbone
from search_app.twin.network import ACTIVATIONS, Projection, TwinNetwork, truncated
from search_app.twin.tokenizer import TwinTokenizer, load_tokenizer


def _load_transformer(folder: Path) -> Backbone:
    from search_app.twin.transformer_backbone import TransformerBackbone  # seconds, which a kept model does without

    return TransformerBackbone.load(folder)


_BACKBONES: Mapping[int, Callable[..., Backbone]] = MappingProxyType({1: _load_transformer, 2: LstmBackbone.load})


def load_network(layout: Layout) -> TwinNetwork:
    """The network of a folder, in float32 on the CPU, ready to encode.

    Raises:
        EncoderError: Weights are missing, damaged, not finite, or don't fit each other.
    """
    return network_around(layout, _BACKBONES[len(layout.backbone)](*layout.backbone))


def network_around(layout: Layout, backbone: Backbone) -> TwinNetwork:
    """The network of a folder around its backbone.

    Raises:
        EncoderError: Weights are missing, damaged, not finite, or don't fit each other.
    """
    projections = _projections(layout, backbone.width * len(layout.poolings))
    network = TwinNetwork(backbone, layout.poolings, projections).eval()
    refuse_non_finite(layout.folder, network.state_dict())
    return network if layout.truncated_dim is None else truncated(network, layout.truncated_dim)


def load_tokenizer_for(layout: Layout, backbone: Backbone) -> TwinTokenizer:
    """The folder's tokenizer, with the limits of the backbone.

    Raises:
        EncoderError: It can't be used, or gives ids that the backbone has no embedding for.
    """
    limits = [limit for limit in (layout.max_tokens, backbone.max_positions) if limit is not None]
    tokenizer = load_tokenizer(
        layout.backbone[0], max_tokens=min(limits, default=None), pad_id=backbone.pad_id, lowercase=layout.lowercase
    )
    if tokenizer.highest_id >= backbone.vocabulary_size:
        raise EncoderError(
            f"The tokenizer in {layout.folder} gives ids up to {tokenizer.highest_id}, but the network knows "
            f"{backbone.vocabulary_size}; expected a tokenizer and weights of one encoder. Fetch the encoder again."
        )
    if len(layout.backbone) > 1 and tokenizer.closing_tokens:
        raise EncoderError(
            f"The tokenizer of the LSTM in {layout.folder} writes a token after a text, which sentence-transformers "
            "would cut from a long one; expected none. Choose another encoder."
        )
    return tokenizer


def _projections(layout: Layout, width: int) -> tuple[Projection, ...]:
    """The folder's dense layers, each taking what the one before gives."""
    projections = []
    for folder in layout.projections:
        projection = _projection(folder)
        if projection.inputs != width:
            raise EncoderError(
                f"The dense layer in {folder} takes {projection.inputs} values, but gets {width}; "
                "expected modules of one encoder. Fetch the encoder again."
            )
        projections.append(projection)
        width = projection.outputs
    return tuple(projections)


def _projection(folder: Path) -> Projection:
    """A Dense module of sentence-transformers."""
    config = read_json(folder / "config.json")
    activation = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    works_on = config.get("module_input_name", "sentence_embedding")
    gives = config.get("module_output_name") or works_on
    is_plain = works_on == gives == "sentence_embedding" and not config.get("use_residual")
    if str(activation) not in ACTIVATIONS or not is_plain:
        raise EncoderError(
            f"The dense layer in {folder} has activation {activation!r} on {gives!r}; expected a plain "
            f"layer on sentence_embedding with one of {', '.join(ACTIVATIONS)}. Choose another encoder."
        )
    try:
        weights = load_file(folder / "model.safetensors")
        outputs, inputs = weights["linear.weight"].shape
        if (inputs, outputs) != (config["in_features"], config["out_features"]):
            raise ValueError("other sizes are stated")
        with torch.device("meta"):
            projection = Projection(inputs, outputs, bias=bool(config.get("bias", True)), activation=activation)
        projection.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise EncoderError(
            f"The dense layer in {folder} can't be loaded; expected in_features, out_features and weights "
            "that fit them. Fetch or train the encoder again."
        ) from error
    return projection
