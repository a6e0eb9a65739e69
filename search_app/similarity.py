"""How near texts are to each other for an encoder, without any collection.

What is compared are the very vectors that a search compares: with the encoder's prompts, cut to its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from search_app.errors import UsageError

if TYPE_CHECKING:  # torch is loaded when texts are encoded
    from search_app.twin.encoder import TwinEncoder

_MOST_TEXTS = 1000  # a million numbers: more than anyone reads


@dataclass(frozen=True, slots=True)
class Similarity:
    """Texts, and how near each is to each.

    Attributes:
        measure: "similarity" (cosine, larger is nearer), or an energy's name (smaller is nearer).
        matrix: In row i and column j what text i and text j have in common, or apart.
        tokens: What the network read of each text, special tokens included.
        token_counts: Tokens of each text; what is beyond `max_tokens` was not read.
        fingerprint: The encoder's.
    """

    texts: tuple[str, ...]
    measure: str
    matrix: tuple[tuple[float, ...], ...]
    tokens: tuple[tuple[str, ...], ...]
    token_counts: tuple[int, ...]
    max_tokens: int
    encoder: str
    fingerprint: str


def similarity_of(
    texts: Sequence[str], encoder: "TwinEncoder", *, energy: str | None, kind: Literal["document", "query"]
) -> Similarity:
    """Every text with every other.

    Args:
        texts: 2 to 1,000.
        energy: None for cosine similarities.
        kind: Which of the encoder's prompts stands before the texts.

    Raises:
        UsageError: There are too few or too many texts, or no energy has this name.
    """
    from search_app.twin.similarity import similarity_matrix

    if not 2 <= len(texts) <= _MOST_TEXTS:
        raise UsageError(f"Texts to compare: {len(texts):,}; expected 2 to {_MOST_TEXTS:,}. Give that many.")
    matrix = similarity_matrix(encoder.encode(texts, kind=kind), energy)
    return Similarity(
        texts=tuple(texts),
        measure=energy or "similarity",
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        tokens=tuple(tuple(encoder.tokens(text, kind=kind)) for text in texts),
        token_counts=tuple(encoder.token_counts(texts, kind=kind)),
        max_tokens=encoder.max_tokens,
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
    )
