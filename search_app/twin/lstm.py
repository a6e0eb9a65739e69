"""Begins an encoder without any pretrained weights: a tokenizer learned from texts, and an LSTM of random numbers.

The same texts and settings give the same encoder, on every machine. It knows nothing yet: training makes an encoder of
it, at a learning rate of about 0.001, twenty times that of a pretrained one.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from search_app.errors import TrainingError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.lstm_backbone import LstmBackbone
from search_app.twin.network import IDENTITY, Projection, TwinNetwork
from search_app.twin.pooling import POOLINGS
from search_app.twin.tokenizer import TwinTokenizer, without_surrogates

_PAD, _BEGIN = "[PAD]", "[CLS]"
_TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": _PAD, "cls_token": _BEGIN}
LSTM_POOLINGS = tuple(name for name in POOLINGS if name != "cls")  # which sentence-transformers can't do here

_LONG_RUN = re.compile(r"(\S{100})(?=\S)")  # cut into parts: learning from a word takes quadratic time
_SPREAD = 0.1  # of the embeddings' first values
_LOWEST = {"vocabulary_size": 300, "embedding_dim": 1, "hidden_dim": 1, "layers": 1, "dim": 1, "max_tokens": 3}


@dataclass(frozen=True, slots=True)
class LstmSettings:
    """How large a new encoder is.

    Attributes:
        vocabulary_size: Tokens at most, special ones and the 256 bytes counted; few texts give fewer.
        embedding_dim: Components of a token's embedding.
        hidden_dim: Components that each of the two directions gives a token.
        layers: LSTMs one upon the other.
        dim: Components of a vector; 384 lets it learn from the default encoder.
        max_tokens: Longer texts lose their end.
        pooling: One of `LSTM_POOLINGS`.
        seed: Of the random weights.
    """

    vocabulary_size: int = 16_000
    embedding_dim: int = 256
    hidden_dim: int = 256
    layers: int = 1
    dim: int = 384
    max_tokens: int = 256
    pooling: str = "mean"
    seed: int = 0


DEFAULT_LSTM = LstmSettings()


def begin_lstm(texts: Iterable[str], settings: LstmSettings = DEFAULT_LSTM) -> TwinEncoder:
    """A new encoder for texts like these, on the CPU in float32.

    Args:
        texts: What the tokenizer is learned from; read once, and only the counts of words are kept.

    Raises:
        TrainingError: There is no word in the texts, or a setting is out of range.
    """
    _refuse_settings(settings)
    learned = _learned(texts, settings.vocabulary_size)
    tokenizer = TwinTokenizer(learned, _TOKENIZER_CONFIG, max_tokens=settings.max_tokens, pad_id=None)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(settings.seed)
        backbone = LstmBackbone(
            tokenizer.highest_id + 1, settings.embedding_dim, settings.hidden_dim, layers=settings.layers
        )
        projection = Projection(backbone.width, settings.dim, activation=IDENTITY)
        _begin_randomly(backbone)
    return TwinEncoder("lstm", TwinNetwork(backbone, (settings.pooling,), (projection,)).eval(), tokenizer)


def _refuse_settings(settings: LstmSettings) -> None:
    """Raise TrainingError for a setting that no network can have."""
    for name, lowest in _LOWEST.items():
        value = getattr(settings, name)
        if value < lowest:
            raise TrainingError(f"The setting {name} is {value}; expected at least {lowest}. Raise it.")
    if settings.pooling not in LSTM_POOLINGS:
        raise TrainingError(
            f"An LSTM can't be pooled by {settings.pooling!r}; expected one of {', '.join(LSTM_POOLINGS)}. Choose one."
        )


def _learned(texts: Iterable[str], vocabulary_size: int) -> dict[str, Any]:
    """The definition of a lower-casing tokenizer by pairs of bytes for the texts.

    Its pieces are the texts' frequent words and parts of words down to single bytes, so that no word is unknown, and
    ties between equally frequent pairs have an order, which those of the library's WordPiece have not. It writes one
    special token, and before the text: a text then is never empty, and loses only its end.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), as_bytes])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[_PAD, _BEGIN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_words(texts), trainer)
    if tokenizer.get_vocab_size() <= len(pre_tokenizers.ByteLevel.alphabet()) + 2:
        raise TrainingError("There is no word in the texts to begin an encoder from; expected some. Add texts.")
    begin = tokenizer.token_to_id(_BEGIN)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BEGIN} $A", pair=f"{_BEGIN} $A $B:1", special_tokens=[(_BEGIN, begin)]
    )
    definition: dict[str, Any] = json.loads(tokenizer.to_str())
    return definition


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield _LONG_RUN.sub(r"\1 ", without_surrogates(text))


def _begin_randomly(backbone: LstmBackbone) -> None:
    """Small embeddings, and gates that forget nothing yet (Jozefowicz et al. 2015, ICML, section 2.2)."""
    with torch.no_grad():
        backbone.embeddings.weight.normal_(std=_SPREAD)
        for name, weights in backbone.named_parameters():
            if name.endswith("bias_ih_l0"):
                quarter = len(weights) // 4
                weights[quarter : 2 * quarter] = 1  # torch's order of gates: input, forget, cell, output
