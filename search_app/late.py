"""An encoder that is loaded when it is first asked for something, so that an ingest with nothing to do is quick."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

from ingest.sink import Encoder, Vectors


class LateEncoder:
    """The encoder that `load` gives; whatever that raises is raised by the first use."""

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load

    @cached_property
    def _encoder(self) -> Encoder:
        return self._load()

    @property
    def fingerprint(self) -> str:
        """The hash of everything that changes the vectors."""
        return self._encoder.fingerprint

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self._encoder.dim

    @property
    def max_tokens(self) -> int:
        """Tokens that the encoder reads of a text, special ones included."""
        return self._encoder.max_tokens

    def encode(self, texts: Sequence[str], *, kind: Literal["document", "query"] = "document") -> Vectors:
        """Unit rows, (len(texts), dim) float32."""
        return self._encoder.encode(texts, kind=kind)

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, special ones included."""
        return self._encoder.count_tokens(text)
