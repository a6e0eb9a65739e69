"""A network that reads a query and a passage together and says how well the one answers the other.

It is loaded like an encoder: from safetensors alone, with every weight in its place and finite, and nothing in its
folder is executed. It has no vectors, so it belongs to no generation, and it needs time for each passage.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from search_app.errors import EncoderError
from search_app.twin.backbone import first_line, quiet_transformers, refuse_non_finite
from search_app.twin.resolution import resolve
from search_app.twin.runtime import choose_device
from search_app.twin.transformer_backbone import max_positions

_PAIRS_TOGETHER = 8  # between two looks at the clock
_TOKENS_MOST = 512
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)


class CrossEncoder:
    """One cross-encoder, loaded and ready; `name` is what it was asked for by. Make one with `CrossEncoder.load`."""

    def __init__(self, name: str, model: Any, tokenizer: Tokenizer, device: torch.device) -> None:
        self.name = name
        self._model = model.eval().to(device)
        self._tokenizer = tokenizer
        self._device = device
        self._has_types = getattr(model.config, "type_vocab_size", 0) > 1

    @classmethod
    def load(cls, name: str, *, device: str = "auto", folder: Path | None = None) -> Self:
        """The cross-encoder of this name: a folder, one in `folder`, or a name of the model hub.

        Raises:
            UnknownEncoder: No place has it.
            EncoderError: It can't be read, needs code of its own, lacks weights, or gives more than one score.
        """
        found = resolve(name, folder)
        try:
            with quiet_transformers():
                model, report = AutoModelForSequenceClassification.from_pretrained(
                    found,
                    dtype=torch.float32,
                    local_files_only=True,
                    output_loading_info=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                )
            tokenizer = Tokenizer.from_file(str(found / "tokenizer.json"))
        except Exception as error:  # a door: the tokenizers library raises bare Exceptions
            if not isinstance(error, _UNREADABLE) and type(error) is not Exception:
                raise
            raise EncoderError(
                f"The cross-encoder in {found} can't be loaded ({first_line(error)}); expected config.json, "
                "model.safetensors and tokenizer.json of a classifier of pairs. Fetch it again, or choose another."
            ) from error
        _refuse_unfit(found, model, report["missing_keys"])
        return cls(name, model, _bounded(tokenizer, model), choose_device(device))

    def scores(self, query: str, texts: Sequence[str], *, deadline: float) -> list[float] | None:
        """How well each text answers the query, 0 to 1; None when the deadline passed before all were read.

        Args:
            query: What a person asks.
            texts: Passages; what is longer than the network reads is cut off.
            deadline: On the clock of `time.monotonic`.
        """
        scores: list[float] = []
        for start in range(0, len(texts), _PAIRS_TOGETHER):
            scores += self._batch([(query, text) for text in texts[start : start + _PAIRS_TOGETHER]])
            if time.monotonic() > deadline:
                return None
        return scores

    def _batch(self, pairs: list[tuple[str, str]]) -> list[float]:
        read = self._tokenizer.encode_batch(pairs)
        inputs = {"input_ids": [one.ids for one in read], "attention_mask": [one.attention_mask for one in read]}
        if self._has_types:
            inputs["token_type_ids"] = [one.type_ids for one in read]
        tensors = {name: torch.tensor(rows, device=self._device) for name, rows in inputs.items()}
        with torch.inference_mode():
            logits: Tensor = self._model(**tensors).logits  # (pairs, 1)
        return [float(score) for score in torch.sigmoid(logits.float().squeeze(1)).cpu()]


def _bounded(tokenizer: Tokenizer, model: Any) -> Tokenizer:
    """Cuts the longer of query and passage to what the network reads; pads to the longest of a batch."""
    positions = max_positions(model.base_model) or _TOKENS_MOST
    tokenizer.enable_truncation(min(positions, _TOKENS_MOST), strategy="longest_first")
    tokenizer.enable_padding(pad_id=model.config.pad_token_id or 0)
    return tokenizer


def _refuse_unfit(folder: Path, model: Any, missing: set[str]) -> None:
    if missing:
        raise EncoderError(
            f"The weights in {folder} lack {len(missing)} tensors, {sorted(missing)[0]!r} among them; expected those "
            "of a cross-encoder. An encoder of single texts is none: choose another."
        )
    if model.config.num_labels != 1:
        raise EncoderError(
            f"The classifier in {folder} gives {model.config.num_labels} numbers for a pair; expected one score. "
            "Choose a cross-encoder that was trained for ranking."
        )
    refuse_non_finite(folder, model.state_dict())
