"""The twin encoder: texts in, unit rows out, the same network for documents and queries.

Vectors are float32, (n, dim), of length 1, in the order of the texts, and don't depend on what else is
encoded beside them beyond rounding. Memory is bounded by a batch of tokens and a window of texts, not by
the collection. The network is float32 and is what training changes and saving writes; other precisions run
on a copy of its backbone.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from search_app.errors import EncoderError
from search_app.twin.backbone import TransformerBackbone, refuse_non_finite
from search_app.twin.batching import batches_by_length, padded
from search_app.twin.fingerprint import fingerprint
from search_app.twin.layout import Kind, Layout, read_json, read_layout
from search_app.twin.network import ACTIVATIONS, Features, Projection, TwinNetwork
from search_app.twin.resolution import resolve
from search_app.twin.runtime import PRECISIONS, Precision, choose_device, choose_precision, one_thread
from search_app.twin.saving import save_encoder
from search_app.twin.tokenizer import TwinTokenizer, load_tokenizer

Vectors = NDArray[np.float32]

_WINDOW = 1024  # texts that are tokenised and sorted together
_CPU_TOKEN_BUDGET = 2048  # tokens of a batch, its padding counted; 8,192 are 6 % slower, 16,384 30 %
_ACCELERATOR_TOKEN_BUDGET = 32_768
_SHORT = 128  # tokens that one thread encodes sooner than several


class TwinEncoder:
    """One encoder, loaded and ready. Make one with `TwinEncoder.load`.

    `network` is the torch module that training changes, `name` what the encoder was asked for by.
    """

    def __init__(self, name: str, layout: Layout, network: TwinNetwork, tokenizer: TwinTokenizer) -> None:
        self.name = name
        self.network = network
        self.tokenizer = tokenizer
        self.precision: Precision = "fp32"
        self.device = torch.device("cpu")
        self._layout = layout
        self._running = network
        self._fingerprint: str | None = None

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path,
        *,
        device: str = "auto",
        precision: str = "auto",
        encoders_folder: Path | None = None,
    ) -> "TwinEncoder":
        """The encoder of this name, found as `search_app.twin.resolution` says.

        Args:
            device: auto, cpu, cuda or mps.
            precision: fp32, bf16, or auto: bf16 where the device has it in hardware.

        Raises:
            UnknownEncoder: Nothing has this name.
            EncoderError: What has it can't or mustn't be loaded.
        """
        layout = read_layout(resolve(name_or_folder, encoders_folder))
        backbone = TransformerBackbone.load(layout.transformer)
        projections = _projections(layout, backbone.width * len(layout.poolings))
        network = TwinNetwork(backbone, layout.poolings, projections).eval()
        refuse_non_finite(layout.folder, network.state_dict())
        encoder = cls(str(name_or_folder), layout, network, _tokenizer(layout, backbone))
        _refuse_unknown_ids(encoder)
        encoder._run_on(choose_device(device), precision)
        return encoder

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self.network.dim

    @property
    def max_tokens(self) -> int:
        """The longest text in tokens, special tokens and prompt counted; longer ones lose their end."""
        return self.tokenizer.max_tokens

    @property
    def fingerprint(self) -> str:
        """The encoder's identity, SHA-256 in hex; computed from what is in memory when first asked for."""
        if self._fingerprint is None:
            weights = self.network.state_dict()
            self._fingerprint = fingerprint(weights, self.tokenizer.encoding_json, self._settings())
        return self._fingerprint

    def tokenizer_json(self) -> str:
        """The tokenizer for the tokenizers library, with truncation and padding off."""
        return self.tokenizer.json

    def count_tokens(self, text: str) -> int:
        """Tokens of a document with prompt and special tokens; up to `max_tokens` nothing is cut."""
        return self.tokenizer.count(self._layout.prompts["document"] + text)

    def encode(self, texts: Sequence[str], *, kind: Kind = "document") -> Vectors:
        """Unit rows of the texts, (len(texts), dim) float32.

        Raises:
            EncoderError: A vector isn't finite or has no length.
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        start = 0
        for window in self.encode_stream(texts, kind=kind):
            vectors[start : start + len(window)] = window
            start += len(window)
        return vectors

    def encode_stream(self, texts: Iterable[str], *, kind: Kind = "document") -> Iterator[Vectors]:
        """Unit rows of the texts, in order, as they are ready: (up to 1,024, dim) float32 each time."""
        waiting = iter(texts)
        while window := list(islice(waiting, _WINDOW)):
            yield self._encode_window(window, kind)

    def features(self, texts: Sequence[str], *, kind: Kind = "document", max_tokens: int | None = None) -> Features:
        """The network's input for one batch of at least one text, (len(texts), tokens); for training.

        Args:
            max_tokens: A shorter limit than the encoder's; the last token, usually [SEP], is kept.
        """
        rows = self._ids(texts, kind)
        if max_tokens is not None:
            rows = [row if len(row) <= max_tokens else [*row[: max_tokens - 1], row[-1]] for row in rows]
        return padded(rows, pad_id=self.tokenizer.pad_id, unpooled=self._unpooled(kind))

    def save(self, folder: Path) -> None:
        """Write the float32 network as a new folder that sentence-transformers loads, whole or not at all.

        Raises:
            EncoderError: The folder exists and isn't empty, or can't be written.
        """
        self._fingerprint = None  # training may have changed the weights
        save_encoder(
            Path(folder),
            network=self.network,
            tokenizer=self.tokenizer,
            prompts=dict(self._layout.prompts),
            pools_prompt=self._layout.pools_prompt,
            fingerprint=self.fingerprint,
        )

    def _run_on(self, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = choose_precision(precision, device)
        self.network.to(device)
        if self.precision != "fp32":
            backbone = copy.deepcopy(self.network.backbone).to(PRECISIONS[self.precision])
            self._running = self.network.with_backbone(backbone).eval()

    def _ids(self, texts: Sequence[str], kind: Kind) -> list[list[int]]:
        prompt = self._layout.prompts[kind]
        return self.tokenizer.ids([prompt + text for text in texts] if prompt else texts)

    def _unpooled(self, kind: Kind) -> int:
        """Tokens of the prompt that pooling leaves out; its closing special token is not one of them."""
        prompt = self._layout.prompts[kind]
        if self._layout.pools_prompt or not prompt:
            return 0
        return self.tokenizer.count(prompt) - self.tokenizer.closing_tokens

    def _encode_window(self, texts: Sequence[str], kind: Kind) -> Vectors:
        rows = self._ids(texts, kind)
        is_short = self.device.type == "cpu" and sum(map(len, rows)) <= _SHORT
        with torch.inference_mode(), one_thread() if is_short else nullcontext():
            vectors = self._encode_rows(rows, self._unpooled(kind)).numpy()
        _refuse_directionless(vectors, texts)
        return vectors

    def _encode_rows(self, rows: Sequence[Sequence[int]], unpooled: int) -> torch.Tensor:
        budget = _CPU_TOKEN_BUDGET if self.device.type == "cpu" else _ACCELERATOR_TOKEN_BUDGET
        vectors = torch.empty(len(rows), self.dim)
        for batch in batches_by_length([len(row) for row in rows], budget):
            features = padded([rows[i] for i in batch], pad_id=self.tokenizer.pad_id, unpooled=unpooled)
            on_device = {name: tensor.to(self.device) for name, tensor in features.items()}
            vectors[batch] = self._running(on_device).cpu()
        return vectors

    def _settings(self) -> dict[str, object]:
        """What besides weights and tokenizer changes vectors, as JSON values."""
        return {
            "backbone": dict(self.network.backbone.description()),
            "dim": self.dim,
            "max_tokens": self.max_tokens,
            "normalised": True,
            "poolings": list(self.network.poolings),
            "projections": [projection.activation_name for projection in self.network.projections()],
            "prompts": dict(self._layout.prompts),
            "pools_prompt": self._layout.pools_prompt,
        }


def _tokenizer(layout: Layout, backbone: TransformerBackbone) -> TwinTokenizer:
    limits = [limit for limit in (layout.max_tokens, backbone.max_positions) if limit is not None]
    return load_tokenizer(
        layout.transformer,
        max_tokens=min(limits, default=None),
        pad_id=backbone.pad_id,
        lowercase=layout.lowercase,
    )


def _projections(layout: Layout, width: int) -> tuple[Projection, ...]:
    """The folder's dense layers, each taking what the one before gives.

    Raises:
        EncoderError: One can't be loaded or takes another width.
    """
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
    """A Dense module of sentence-transformers.

    Raises:
        EncoderError: It works on tokens, has a residual or another activation, or its weights don't fit.
    """
    config = read_json(folder / "config.json")
    activation = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    works_on = config.get("module_input_name", "sentence_embedding")
    if activation not in ACTIVATIONS or works_on != "sentence_embedding" or config.get("use_residual"):
        raise EncoderError(
            f"The dense layer in {folder} has activation {activation!r} on {works_on!r}; expected a plain "
            f"layer on sentence_embedding with one of {', '.join(ACTIVATIONS)}. Choose another encoder."
        )
    try:
        sizes = int(config["in_features"]), int(config["out_features"])
        projection = Projection(*sizes, bias=bool(config.get("bias", True)), activation=activation)
        projection.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise EncoderError(
            f"The dense layer in {folder} can't be loaded; expected in_features, out_features and weights "
            "that fit them. Fetch or train the encoder again."
        ) from error
    return projection


def _refuse_unknown_ids(encoder: TwinEncoder) -> None:
    """Raise EncoderError when the tokenizer gives ids that the backbone has no embedding for."""
    rows, highest = encoder.network.backbone.vocabulary_size, encoder.tokenizer.highest_id
    if highest >= rows:
        raise EncoderError(
            f"The tokenizer of {encoder.name!r} gives ids up to {highest}, but the network knows {rows}; "
            "expected a tokenizer and weights of one encoder. Fetch the encoder again."
        )


def _refuse_directionless(vectors: NDArray[Any], texts: Sequence[str]) -> None:
    """Raise EncoderError for a row that is not of length 1: NaN, or a text that the network maps to zero."""
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))  # NaN compares as false
    if wrong.size:
        text = texts[int(wrong[0])]
        raise EncoderError(
            f"The encoder gives a vector of length {lengths[wrong[0]]:.3g} for the text {text[:60]!r}; "
            "expected length 1. The encoder is damaged: fetch it again, or go back to the one before."
        )
