"""The part of the network that reads tokens: ids in, one vector a token out.

A backbone is loaded from safetensors alone, with every weight in its place and finite; nothing in a folder
is executed. What else there is than transformers, as the LSTM, is a class with the same few members.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.utils import logging as library_log

from search_app.errors import EncoderError
from search_app.twin.layout import write_json

# Entries of a config.json that change no vector, or only in training.
_WITHOUT_EFFECT = frozenset(
    {
        "_name_or_path",
        "architectures",
        "attention_probs_dropout_prob",
        "attention_dropout",
        "bos_token_id",
        "classifier_dropout",
        "cls_token_id",
        "decoder_start_token_id",
        "dropout",
        "dtype",
        "eos_token_id",
        "gradient_checkpointing",
        "hidden_dropout_prob",
        "id2label",
        "initializer_factor",
        "initializer_range",
        "label2id",
        "name_or_path",
        "num_labels",
        "output_attentions",
        "output_hidden_states",
        "problem_type",
        "return_dict",
        "sep_token_id",
        "seq_classif_dropout",
        "tie_word_embeddings",
        "torch_dtype",
        "transformers_version",
        "use_cache",
    }
)
# These families count positions from the padding id on, so that so many rows of the table are never used.
_POSITIONS_AFTER_PADDING = frozenset({"camembert", "longformer", "mpnet", "roberta", "xlm-roberta", "xmod"})
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)


class Backbone(nn.Module, ABC):
    """What the network, the tokenizer and the folder need to know of a backbone."""

    width: int  # components of a token's vector
    vocabulary_size: int  # rows of the embedding matrix
    max_positions: int | None  # the longest text in tokens; None: no limit
    pad_id: int | None  # the id that the backbone takes for padding; None: any
    modules_written: tuple[tuple[str, str], ...]  # path and kind of each module in a saved folder

    @abstractmethod
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token vectors (batch, tokens, width) for ids and mask (batch, tokens)."""

    @abstractmethod
    def description(self) -> Mapping[str, object]:
        """What besides the weights decides about the vectors, as JSON values."""

    @abstractmethod
    def write(self, folder: Path, *, max_tokens: int) -> None:
        """Configurations and weights into an existing folder, at the paths of `modules_written`."""


class TransformerBackbone(Backbone):
    """A Hugging Face transformer encoder whose last layer is the answer."""

    modules_written = (("", "Transformer"),)

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        config = model.config
        self.width = int(config.hidden_size)
        embeddings: Any = model.get_input_embeddings()
        self.vocabulary_size = int(embeddings.num_embeddings)
        self.max_positions = _max_positions(config)
        self.pad_id = config.pad_token_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The last layer's vectors, (batch, tokens, width)."""
        tokens: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return tokens

    def description(self) -> Mapping[str, object]:
        """The family, and the configuration's entries that change vectors and differ from its defaults.

        Without the defaults, since a new version of transformers may bring new entries.
        """
        config = self.model.config
        defaults = type(config)().to_dict()
        differing = {key: value for key, value in config.to_dict().items() if value != defaults.get(key)}
        effective = {key: value for key, value in differing.items() if key not in _WITHOUT_EFFECT}
        return {**effective, "model_type": config.model_type}

    def write(self, folder: Path, *, max_tokens: int) -> None:
        """`config.json`, one `model.safetensors`, and the longest text in sentence-transformers' file."""
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
        with _quiet_transformers():
            self.model.save_pretrained(folder, max_shard_size="1TB")

    @classmethod
    def load(cls, folder: Path) -> "TransformerBackbone":
        """The backbone in float32, ready to encode.

        Raises:
            EncoderError: The folder can't be read, needs code of its own, or lacks weights.
        """
        try:
            with _quiet_transformers():
                model, report = AutoModel.from_pretrained(
                    folder,
                    dtype=torch.float32,  # whatever it is stored in: precision is chosen when it runs
                    local_files_only=True,
                    output_loading_info=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                )
        except _UNREADABLE as error:
            raise EncoderError(
                f"The transformer in {folder} can't be loaded ({first_line(error)}); expected config.json "
                "and model.safetensors of a transformer encoder. Fetch or train the encoder again."
            ) from error
        _refuse_unfit(folder, model, report["missing_keys"])
        return cls(model.eval())


def first_line(error: Exception) -> str:
    """What an error of a library says, as a part of a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def _refuse_unfit(folder: Path, model: PreTrainedModel, missing: set[str]) -> None:
    """Raise EncoderError for a decoder's twin or for weights that would start as random numbers."""
    if model.config.is_encoder_decoder:
        raise EncoderError(
            f"The transformer in {folder} is an encoder with a decoder ({model.config.model_type}); expected "
            "an encoder alone. Choose another encoder."
        )
    lost = sorted(name for name in missing if "pooler" not in name)  # the pooler's output is not used
    if lost:
        raise EncoderError(
            f"The weights in {folder} lack {len(lost)} tensors, {lost[0]!r} among them; expected all that "
            "config.json asks for. Fetch or train the encoder again."
        )


def refuse_non_finite(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise EncoderError when a weight is NaN or infinite."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise EncoderError(
                f"The weights in {folder} hold NaN or infinity in {name!r}; expected finite numbers. "
                "Go back to the encoder that it was trained from, or fetch it again."
            )


def _max_positions(config: Any) -> int | None:
    """The longest text in tokens that the position table allows; None where positions are not a table."""
    rows = getattr(config, "max_position_embeddings", None)
    if rows is None or rows <= 0:
        return None
    unused = (config.pad_token_id or 0) + 1 if config.model_type in _POSITIONS_AFTER_PADDING else 0
    return int(rows) - unused


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence progress bars and reports of the library: what they tell is checked here."""
    verbosity, bars = library_log.get_verbosity(), library_log.is_progress_bar_enabled()
    library_log.set_verbosity_error()  # type: ignore[no-untyped-call]
    library_log.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        library_log.set_verbosity(verbosity)
        if bars:
            library_log.enable_progress_bar()  # type: ignore[no-untyped-call]
