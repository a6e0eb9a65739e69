"""An encoder for OpenVINO without its network: only the kept model computes, so nobody waits for transformers.

When the network was loaded once, what it told of itself is written down beside the kept model. Later the fingerprint
is taken from that and from the weights and the tokenizer on disk, and only an encoder with the fingerprint that is
expected is given out. Whatever is missing or differs ends in None; then the network itself has to be loaded.
"""

import importlib.util
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone, config_hash
from search_app.twin.encoder import TwinEncoder
from search_app.twin.fingerprint import fingerprint
from search_app.twin.kept_models import CALIBRATED, KeptModels
from search_app.twin.layout import Layout, read_layout
from search_app.twin.loading import load_tokenizer_for, network_around
from search_app.twin.resolution import resolve
from search_app.twin.runtime import choose_device

_CONVERTED = ("fast-fp32", "fast-bf16")
_TOLD = ("width", "vocabulary_size", "max_positions", "pad_id")
_WEIGHTS_OF = "backbone.model."  # where a network's state has the tensors of its transformer
_NO_WEIGHT = "position_ids"  # counts from 0, which older folders hold


class StoredBackbone(Backbone):
    """What a transformer told of itself; it reads no token."""

    def __init__(self, told: Mapping[str, Any], description: Mapping[str, object]) -> None:
        super().__init__()
        self.width, self.vocabulary_size = int(told["width"]), int(told["vocabulary_size"])
        self.max_positions, self.pad_id = told["max_positions"], told["pad_id"]
        self._description = dict(description)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Raises EncoderError."""
        del input_ids, attention_mask
        _refuse()

    def description(self) -> Mapping[str, object]:
        """As it was written down."""
        return self._description

    def write(self, folder: Path, *, max_tokens: int) -> None:
        """Raises EncoderError."""
        del folder, max_tokens
        _refuse()


class StoredEncoder(TwinEncoder):
    """An encoder whose weights stay on disk; it encodes, and can't be trained or saved."""

    def take_identity(self, weights: Mapping[str, Tensor]) -> None:
        """Takes the fingerprint that the network with these weights has."""
        whole = {**self.network.state_dict(), **weights}
        self._fingerprint = fingerprint(whole, self.tokenizer.encoding_json, self._settings())

    def run_kept(self, precision: str, runtimes_folder: Path) -> None:
        """Encodes from now on by the kept model.

        Raises:
            EncoderError: It is gone, or this machine can't run it.
        """
        self._runtimes_folder = runtimes_folder
        self._run_on(self.device, precision)


def note_network(encoder: TwinEncoder, runtimes_folder: Path) -> None:
    """Writes down what the network of an encoder tells of itself, where it is a transformer just loaded."""
    backbone = encoder.network.backbone
    if backbone.config_hash is None:
        return
    told = {name: getattr(backbone, name) for name in _TOLD}
    note = {"made_from": _made_from(backbone.config_hash), "told": told, "description": dict(backbone.description())}
    with suppress(OSError):  # without it, the network is loaded again
        KeptModels(runtimes_folder, encoder.fingerprint).note_network(note)


def load_stored(
    name: str, expected: str, *, precision: str, device: str, encoders_folder: Path, runtimes_folder: Path
) -> StoredEncoder | None:
    """The encoder of this name if it has the expected fingerprint and runs by a kept model; else None.

    Raises:
        UnknownEncoder: Nothing has this name.
        EncoderError: What has it mustn't be loaded, or its int8 model is gone or damaged.
    """
    models = KeptModels(runtimes_folder, expected)
    note = models.network_note()
    if note is None or not _can_run(precision, device, models):
        return None
    layout = read_layout(resolve(name, encoders_folder))
    if len(layout.backbone) > 1 or note.get("made_from") != _made_from(config_hash(layout.backbone[0])):
        return None
    try:
        encoder = _assembled(name, layout, note)
        encoder.take_identity(_weights(layout))
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None  # to load the network tells what is wrong
    if encoder.fingerprint != expected:
        return None
    encoder.run_kept(precision, runtimes_folder)
    return encoder


def _can_run(precision: str, device: str, models: KeptModels) -> bool:
    """Whether a kept model is asked for that may be there, and OpenVINO that runs it."""
    is_kept = precision.startswith(CALIBRATED) or (precision in _CONVERTED and models.has_converted)
    return is_kept and choose_device(device).type == "cpu" and importlib.util.find_spec("openvino") is not None


def _assembled(name: str, layout: Layout, note: Mapping[str, Any]) -> StoredEncoder:
    backbone = StoredBackbone(note["told"], note["description"])
    network = network_around(layout, backbone)
    return StoredEncoder(name, network, load_tokenizer_for(layout, backbone), layout.prompts)


def _weights(layout: Layout) -> dict[str, Tensor]:
    """The transformer's tensors in float32, by the names that they have in a network's state."""
    return {
        f"{_WEIGHTS_OF}{name}": tensor.float()
        for path in sorted(layout.backbone[0].glob("*.safetensors"))
        for name, tensor in load_file(path).items()
        if not name.endswith(_NO_WEIGHT)
    }


def _made_from(config: str | None) -> dict[str, str | None]:
    """What decides about the description of a transformer: its config.json, and the library that reads it."""
    return {"config": config, "transformers": version("transformers")}


def _refuse() -> NoReturn:
    raise EncoderError("This encoder was loaded by its kept model, which only encodes. Load it in precision fp32.")
