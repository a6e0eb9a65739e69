"""Texts into token ids, with the Rust tokenizer alone.

Any Python string is taken: lone surrogates, which no tokenizer accepts, become U+FFFD, and a text never
gives less than one token. The tokenizer's JSON is kept as it was read, so that its hash outlives versions
of the library.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from search_app.errors import EncoderError
from search_app.twin.json_files import read_json

_SURROGATES = re.compile("[\ud800-\udfff]")
_WORD_LISTS = ("sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt")
_UNBOUNDED = 1_000_000  # tokens; for backbones without a limit of their own


class TwinTokenizer:
    """The tokenizer of an encoder: special tokens in, nothing padded, cut to the encoder's length.

    Args:
        definition: The content of a tokenizer.json.
        config: The content of a tokenizer_config.json; it is only passed on when the encoder is saved.
        max_tokens: Longer texts lose their end; special tokens are counted.
        pad_id: The id that the backbone wants for padding; None takes the tokenizer's own.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        config: Mapping[str, Any],
        *,
        max_tokens: int | None,
        pad_id: int | None,
    ) -> None:
        self.config = dict(config)
        self._own_padding = (definition.get("padding") or {}).get("pad_id")
        self.json = json.dumps({**definition, "padding": None, "truncation": None}, ensure_ascii=False, sort_keys=True)
        self._cutting = self._build()
        self.max_tokens = max_tokens or _UNBOUNDED
        self._cutting.enable_truncation(self.max_tokens)
        self.pad_id = self._padding() if pad_id is None else pad_id

    def _build(self) -> Tokenizer:
        try:
            return Tokenizer.from_str(self.json)
        except Exception as error:  # the Rust library raises nothing narrower
            raise EncoderError(
                f"The encoder's tokenizer.json can't be used ({error}); expected what the tokenizers library "
                "writes. Fetch the encoder again."
            ) from error

    def _padding(self) -> int:
        if self._own_padding is not None:
            return int(self._own_padding)
        token = self.config.get("pad_token")
        text = token.get("content") if isinstance(token, dict) else token
        found = self._cutting.token_to_id(text) if isinstance(text, str) else None
        return 0 if found is None else found

    @cached_property
    def _whole(self) -> Tokenizer:
        return self._build()

    @property
    def encoding_json(self) -> str:
        """`json` without what turns ids back into text: what decides about the ids of a text."""
        return json.dumps({**json.loads(self.json), "decoder": None}, ensure_ascii=False, sort_keys=True)

    @property
    def highest_id(self) -> int:
        """The largest id that a text can get."""
        return max(self._cutting.get_vocab(with_added_tokens=True).values(), default=0)

    @cached_property
    def closing_tokens(self) -> int:
        """Special tokens that are written after every text."""
        mask = self._whole.encode("a").special_tokens_mask
        return mask[::-1].index(0) if 0 in mask else 0

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at least one and at most `max_tokens`."""
        encodings = self._cutting.encode_batch_fast([without_surrogates(text) for text in texts])
        return [encoding.ids or [self.pad_id] for encoding in encodings]

    def tokens(self, text: str) -> list[str]:
        """The tokens whose ids `ids` gives, in the tokenizer's own writing, such as "dup", "##licate"."""
        return self._cutting.encode(without_surrogates(text)).tokens or []

    def spans(self, text: str) -> tuple[list[int], list[tuple[int, int] | None]]:
        """Token ids as in `ids`, and where each stands in the text; None for special tokens."""
        encoding = self._cutting.encode(without_surrogates(text))
        if not encoding.ids:
            return [self.pad_id], [None]
        pairs = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        return encoding.ids, [None if is_special else span for span, is_special in pairs]

    def count(self, text: str) -> int:
        """Tokens of the whole text with special tokens, nothing cut."""
        return self.counts([text])[0]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The same of each text, counted side by side."""
        return list(map(len, self._whole.encode_batch_fast([without_surrogates(text) for text in texts])))


def without_surrogates(text: str) -> str:
    """The text as a tokenizer takes it: U+FFFD in place of every lone surrogate."""
    return _SURROGATES.sub("\ufffd", text)


def load_tokenizer(folder: Path, *, max_tokens: int | None, pad_id: int | None, lowercase: bool) -> TwinTokenizer:
    """The tokenizer in an encoder's folder.

    Raises:
        EncoderError: There is none, or it can't be used.
    """
    path = folder / "tokenizer_config.json"
    config = read_json(path) if path.is_file() else {}
    definition = _definition(folder)
    if lowercase and "lowercase" not in json.dumps(definition.get("normalizer")).lower():
        definition["normalizer"] = _lowercase_first(definition.get("normalizer"))
    return TwinTokenizer(definition, config, max_tokens=max_tokens, pad_id=pad_id)


def _lowercase_first(normalizer: Mapping[str, Any] | None) -> dict[str, Any]:
    rest = [] if normalizer is None else [normalizer]
    return {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, *rest]}


def _definition(folder: Path) -> dict[str, Any]:
    """tokenizer.json, or the same made from the word list of an older encoder."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return read_json(path)
    from transformers import AutoTokenizer  # slow to import, and only old folders need it

    try:
        if not any((folder / name).is_file() for name in _WORD_LISTS):
            raise FileNotFoundError("no word list")  # transformers would make an empty tokenizer
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        converted: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    except (OSError, ValueError, KeyError, ImportError, AttributeError, TypeError) as error:
        raise EncoderError(
            f"The encoder in {folder} has no tokenizer.json, and none can be made from its other files. "
            "Save it again with a current version of sentence-transformers."
        ) from error
    return converted
