"""The part of the network that reads tokens: ids in, one vector a token out.

Every kind of backbone, transformer or LSTM, is a class with the same few members. It is loaded from safetensors
alone, with every weight in its place and finite; nothing in a folder is executed.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from search_app.errors import EncoderError


class Backbone(nn.Module, ABC):
    """What the network, the tokenizer and the folder need to know of a backbone."""

    width: int  # components of a token's vector
    vocabulary_size: int  # rows of the embedding matrix
    max_positions: int | None  # the longest text in tokens; None: no limit
    pad_id: int | None  # the id that the backbone takes for padding; None: any
    modules_written: tuple[tuple[str, str], ...]  # path and kind of each module in a saved folder
    config_hash: str | None = None  # of the config.json that says what a transformer is, where it was loaded from one

    @abstractmethod
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token vectors (batch, tokens, width) for ids and mask (batch, tokens)."""

    @abstractmethod
    def description(self) -> Mapping[str, object]:
        """What besides the weights decides about the vectors, as JSON values."""

    @abstractmethod
    def write(self, folder: Path, *, max_tokens: int) -> None:
        """Configurations and weights into an existing folder, at the paths of `modules_written`."""


def first_line(error: Exception) -> str:
    """What an error of a library says, as a part of a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def config_hash(folder: Path) -> str | None:
    """SHA-256 in hex of a transformer's config.json; None where there is none."""
    try:
        return hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    except OSError:
        return None


def refuse_non_finite(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise EncoderError when a weight is NaN or infinite."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise EncoderError(
                f"The weights in {folder} hold NaN or infinity in {name!r}; expected finite numbers. "
                "Go back to the encoder that it was trained from, or fetch it again."
            )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence progress bars and reports of the library: what they tell is checked here."""
    from transformers.utils import logging as library_log  # slow to import, and a kept model needs none of it

    verbosity, bars = library_log.get_verbosity(), library_log.is_progress_bar_enabled()
    library_log.set_verbosity_error()  # type: ignore[no-untyped-call]
    library_log.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        library_log.set_verbosity(verbosity)
        if bars:
            library_log.enable_progress_bar()  # type: ignore[no-untyped-call]
