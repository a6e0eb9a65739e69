"""A Hugging Face transformer encoder, loaded from safetensors alone; nothing in a folder is executed.

What config.json asks for is compared with the tensors that are there before anything is allocated.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone, config_hash, first_line, quiet_transformers
from search_app.twin.json_files import write_json

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
_ASKED_PER_HELD = 2  # the pooler, which no vector passes, may be missing


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
        self.max_positions = max_positions(model)
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
        with quiet_transformers():
            self.model.save_pretrained(folder, max_shard_size="1TB")

    @classmethod
    def load(cls, folder: Path) -> "TransformerBackbone":
        """The backbone in float32, ready to encode.

        Raises:
            EncoderError: The folder can't be read, needs code of its own, or lacks weights.
        """
        try:
            with quiet_transformers():
                config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
                _refuse_boundless(folder, config)
                model, report = AutoModel.from_pretrained(
                    folder,
                    config=config,
                    dtype=torch.float32,  # whatever it is stored in: precision is chosen when it runs
                    local_files_only=True,
                    output_loading_info=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                )
        except EncoderError:
            raise
        except Exception as error:  # a door: what the library raises for a config of nonsense has no common kind
            raise EncoderError(
                f"The transformer in {folder} can't be loaded ({_reason(error)}); expected config.json "
                "and model.safetensors of a transformer encoder. Fetch or train the encoder again."
            ) from error
        _refuse_unfit(folder, model, report["missing_keys"])
        loaded = cls(model.eval())
        loaded.config_hash = config_hash(folder)
        return loaded


def _reason(error: Exception) -> str:
    if "ignore_mismatched_sizes" in str(error):
        return "the weights have other shapes than config.json states"
    return first_line(error)


def _refuse_boundless(folder: Path, config: PreTrainedConfig) -> None:
    """Raise EncoderError before memory is taken for far more numbers than the files hold."""
    tensors, numbers = 0, 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as weights:
            names = weights.keys()
            tensors += len(names)
            numbers += sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
    layers = getattr(config, "num_hidden_layers", None) or 0
    if layers <= tensors:  # else building it, even without memory, would take minutes
        with torch.device("meta"):
            model = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
        asked = sum(weights.numel() for weights in model.parameters())
        if asked <= _ASKED_PER_HELD * numbers:
            return
    raise EncoderError(
        f"The config.json in {folder} asks for far more weights than the {numbers:,} that are there ({layers} layers, "
        f"{tensors} tensors); expected those of one encoder. Fetch the encoder again."
    )


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


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest text in tokens that the position table allows; None where positions are not a table."""
    rows = getattr(model.config, "max_position_embeddings", None)
    if rows is None or rows <= 0:
        return None
    table: Any = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)  # RoBERTa and its kin count positions from after this row
    return int(rows) if padding is None else int(rows) - padding - 1
