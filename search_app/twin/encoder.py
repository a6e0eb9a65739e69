"""The twin encoder: texts in, unit rows out, the same network for documents and queries.

Vectors are float32, (n, dim), of length 1, in the order of the texts, and don't depend on what else is
encoded beside them beyond rounding. Memory is bounded by a batch of tokens and a window of texts, not by
the collection. The network is float32 and is what training changes and saving writes; other precisions run
on a copy of its backbone.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ingest.progress import Report, unheard
from search_app.errors import EncoderError
from search_app.twin.batching import batches_by_length, padded, windows
from search_app.twin.fastest import PROBE, Encode, fastest
from search_app.twin.fingerprint import fingerprint
from search_app.twin.kept_models import CALIBRATED, KeptModels
from search_app.twin.layout import Kind, Prompts, read_layout
from search_app.twin.loading import load_network, load_tokenizer_for
from search_app.twin.network import Features, TwinNetwork, truncated
from search_app.twin.resolution import resolve
from search_app.twin.runtime import (
    Runtime,
    Surroundings,
    candidates,
    choose_device,
    make_runtime,
    one_thread,
    refuse_without_openvino,
    token_vectors,
)
from search_app.twin.saving import save_encoder
from search_app.twin.token_parts import Span, TokenParts, is_sum_of_tokens, parts_of_rows
from search_app.twin.tokenizer import TwinTokenizer

Vectors = NDArray[np.float32]

_WINDOW = 1024  # texts that are tokenised and sorted together
_WINDOW_CHARACTERS = 2_000_000  # the tokenizer keeps about 25 bytes for each, also of what is cut off
_CPU_TOKEN_BUDGET = 2048  # tokens of a batch, its padding counted; 8,192 are 6 % slower, 16,384 30 %
_ACCELERATOR_TOKEN_BUDGET = 32_768
_CALIBRATION_BUDGET = 1024  # a step keeps every activation of its batch
_NO_PROMPTS = Prompts()
_SHORT = 128  # tokens that one thread encodes sooner than several


class TwinEncoder:
    """One encoder, loaded and ready. Make one with `TwinEncoder.load`, or anew with `lstm.begin_lstm`.

    `network` is the torch module that training changes, `name` what the encoder was asked for by.
    """

    def __init__(
        self, name: str, network: TwinNetwork, tokenizer: TwinTokenizer, prompts: Prompts = _NO_PROMPTS
    ) -> None:
        self.name = name
        self.network = network
        self.tokenizer = tokenizer
        self.prompts = prompts
        self.precision = "fp32"
        self.device = torch.device("cpu")
        self._runtime: Runtime = network.backbone
        self._runtimes_folder: Path | None = None
        self._fingerprint: str | None = None

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path,
        *,
        device: str = "auto",
        precision: str = "auto",
        dim: int | None = None,
        encoders_folder: Path | None = None,
        runtimes_folder: Path | None = None,
    ) -> "TwinEncoder":
        """The encoder of this name, found as `search_app.twin.resolution` says.

        Args:
            device: auto, cpu, cuda or mps.
            precision: One of `search_app.twin.runtime`, or auto: the fastest that stays near float32.
            dim: Keep so many first components of every vector (Matryoshka); None: all.
            encoders_folder: Where trained encoders are found by name.
            runtimes_folder: Where models for OpenVINO are kept, and what auto chose; None: nowhere.

        Raises:
            UnknownEncoder: Nothing has this name.
            EncoderError: What has it can't or mustn't be loaded.
        """
        layout = read_layout(resolve(name_or_folder, encoders_folder))
        network = load_network(layout)
        if dim is not None:
            network = truncated(network, dim)
        tokenizer = load_tokenizer_for(layout, network.backbone)
        encoder = cls(str(name_or_folder), network, tokenizer, layout.prompts)
        encoder._runtimes_folder = runtimes_folder
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

    @property
    def tokenizer_key(self) -> str:
        """A short hash of what decides how many tokens a document has."""
        counted = json.dumps([self.tokenizer.encoding_json, self.prompts.of("document")])
        return hashlib.sha256(counted.encode()).hexdigest()[:12]

    def tokenizer_json(self) -> str:
        """The tokenizer for the tokenizers library, with truncation and padding off."""
        return self.tokenizer.json

    def count_tokens(self, text: str, *, kind: Kind = "document") -> int:
        """Tokens of a text with prompt and special tokens; up to `max_tokens` nothing is cut."""
        return self.tokenizer.count(self.prompts.of(kind) + text)

    def token_counts(self, texts: Iterable[str], *, kind: Kind = "document") -> list[int]:
        """`count_tokens` of each text, several times sooner than one by one."""
        prompted = (self.prompts.of(kind) + text for text in texts)
        together = windows(prompted, most_texts=_WINDOW, most_characters=_WINDOW_CHARACTERS)
        return [count for window in together for count in self.tokenizer.counts(window)]

    def tokens(self, text: str, *, kind: Kind = "document") -> list[str]:
        """What the network reads of a text, special tokens and prompt included, cut at `max_tokens`."""
        return self.tokenizer.tokens(self.prompts.of(kind) + text)

    def encode(self, texts: Sequence[str], *, kind: Kind = "document") -> Vectors:
        """Unit rows of the texts, (len(texts), dim) float32.

        Raises:
            EncoderError: A vector isn't finite or has no length, or `texts` is one text, whose letters would be meant.
        """
        if isinstance(texts, str):
            raise EncoderError(f"Texts to encode come as a list; got one text, {texts[:60]!r}. Write it as [text].")
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        start = 0
        for window in self.encode_stream(texts, kind=kind):
            vectors[start : start + len(window)] = window
            start += len(window)
        return vectors

    def encode_stream(self, texts: Iterable[str], *, kind: Kind = "document") -> Iterator[Vectors]:
        """Unit rows of the texts, in order, as they are ready: (up to 1,024, dim) float32 each time."""
        for window in windows(texts, most_texts=_WINDOW, most_characters=_WINDOW_CHARACTERS):
            yield self._encode_window(window, kind)

    def parts(self, text: str, *, kind: Kind = "document") -> TokenParts | None:
        """What each token adds to the text's unit row, by the same precision; None where that can't be told."""
        if not is_sum_of_tokens(self.network):
            return None
        prompt = self.prompts.of(kind)
        ids, spans = self.tokenizer.spans(prompt + text)
        features = padded([ids], pad_id=self.tokenizer.pad_id, unpooled=self._unpooled(kind))
        here = {name: tensor.to(self.device) for name, tensor in features.items()}
        with torch.inference_mode(), one_thread() if self._is_short([ids]) else nullcontext():
            tokens = self._runtime(here["input_ids"], here["attention_mask"])
            vectors = parts_of_rows(self.network, tokens, here)[0].cpu().numpy()
        return TokenParts(tuple(_behind(len(prompt), span) for span in spans), vectors)

    def features(self, texts: Sequence[str], *, kind: Kind = "document", max_tokens: int | None = None) -> Features:
        """The network's input for one batch of at least one text, (len(texts), tokens); for training.

        Args:
            max_tokens: A shorter limit than the encoder's; tokens that close every text, as [SEP], are kept.
        """
        rows = self._ids(texts, kind)
        if max_tokens is not None:
            closing = self.tokenizer.closing_tokens
            rows = [_shortened(row, max_tokens, closing) for row in rows]
        return padded(rows, pad_id=self.tokenizer.pad_id, unpooled=self._unpooled(kind))

    def calibrate(self, passages: Sequence[str], report: Report = unheard) -> str:
        """The name of a new int8 precision, its ranges measured on documents such as it is going to read.

        Args:
            passages: At least one; 300 are enough.
            report: Hears how many have been read, in passes over all of them.

        Raises:
            EncoderError: Nowhere to keep the model was named, or this machine or backbone can't run it.
        """
        refuse_without_openvino(CALIBRATED, self.device)
        from search_app.twin.calibration import calibrate  # only where the extra is installed

        rows = self._ids(passages, "document")
        batches = [
            padded([rows[i] for i in batch], pad_id=self.tokenizer.pad_id)
            for batch in batches_by_length([len(row) for row in rows], _CALIBRATION_BUDGET)
        ]
        return f"{CALIBRATED}:{calibrate(self.network.backbone, batches, self._models(), report)}"

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
            prompts=self.prompts,
            fingerprint=self.fingerprint,
        )

    def _run_on(self, device: torch.device, precision: str) -> None:
        self.device = device
        self.network.to(device)
        surroundings = Surroundings(self.network.backbone, device, self._models)
        self.precision = self._fastest(surroundings) if precision == "auto" else precision
        self._runtime = make_runtime(self.precision, surroundings)

    def _fastest(self, surroundings: Surroundings) -> str:
        rows = self._ids(PROBE, "document")

        def prepare(precision: str) -> Encode:
            runtime = make_runtime(precision, surroundings)
            return lambda count: self._vectors(rows[:count], 0, runtime)

        return fastest(candidates(surroundings.device), prepare, surroundings)

    def _models(self) -> KeptModels:
        return KeptModels(self._runtimes_folder, self.fingerprint)

    def _ids(self, texts: Sequence[str], kind: Kind) -> list[list[int]]:
        prompt = self.prompts.of(kind)
        return self.tokenizer.ids([prompt + text for text in texts] if prompt else texts)

    def _unpooled(self, kind: Kind) -> int:
        """Tokens of the prompt that pooling leaves out; its closing special token is not one of them."""
        prompt = self.prompts.of(kind)
        if self.prompts.are_pooled or not prompt:
            return 0
        return self.tokenizer.count(prompt) - self.tokenizer.closing_tokens

    def _encode_window(self, texts: Sequence[str], kind: Kind) -> Vectors:
        rows = self._ids(texts, kind)
        vectors = self._vectors(rows, self._unpooled(kind), self._runtime)
        _refuse_directionless(vectors, texts)
        return vectors

    def _vectors(self, rows: Sequence[Sequence[int]], unpooled: int, runtime: Runtime) -> Vectors:
        """Unit rows of token ids, in their order, whatever their number."""
        with torch.inference_mode(), one_thread() if self._is_short(rows) else nullcontext():
            return self._batched(rows, unpooled, runtime).numpy()

    def _is_short(self, rows: Sequence[Sequence[int]]) -> bool:
        return self.device.type == "cpu" and sum(map(len, rows)) <= _SHORT

    def _batched(self, rows: Sequence[Sequence[int]], unpooled: int, runtime: Runtime) -> torch.Tensor:
        budget = _CPU_TOKEN_BUDGET if self.device.type == "cpu" else _ACCELERATOR_TOKEN_BUDGET
        batches = list(batches_by_length([len(row) for row in rows], budget))
        features = [self._padded([rows[i] for i in batch], unpooled) for batch in batches]
        inputs = ((here["input_ids"], here["attention_mask"]) for here in features)
        vectors = torch.empty(len(rows), self.dim)
        for batch, here, tokens in zip(batches, features, token_vectors(runtime, inputs), strict=True):
            vectors[batch] = self.network.rows(tokens, here).cpu()
        return vectors

    def _padded(self, rows: Sequence[Sequence[int]], unpooled: int) -> Features:
        """The network's input for one batch, where the network is."""
        features = padded(rows, pad_id=self.tokenizer.pad_id, unpooled=unpooled)
        return {name: tensor.to(self.device) for name, tensor in features.items()}

    def _settings(self) -> dict[str, object]:
        """What besides weights and tokenizer changes vectors, as JSON values."""
        return {
            "backbone": dict(self.network.backbone.description()),
            "dim": self.dim,
            "max_tokens": self.max_tokens,
            "normalised": True,
            "poolings": list(self.network.poolings),
            "projections": [projection.activation_name for projection in self.network.projections()],
            "prompts": {"document": self.prompts.document, "query": self.prompts.query},
            "pools_prompt": self.prompts.are_pooled,
        }


def _behind(start: int, span: Span | None) -> Span | None:
    """The span counted from `start`; None where it lies before it."""
    return None if span is None or span[1] <= start else (max(0, span[0] - start), span[1] - start)


def _shortened(row: list[int], max_tokens: int, closing: int) -> list[int]:
    return row if len(row) <= max_tokens else [*row[: max_tokens - closing], *row[len(row) - closing :]]


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
