"""Queries that are more than a text: combined of parts with weights, or the middle of some passages.

Both come down to one unit vector, so such queries are searched by meaning.
A sign of a combination stands alone between blanks, so that words with hyphens stay what they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.sink import Vectors
from search_app.errors import QueryError

PARTS_MAX = 32

_TOKEN = re.compile(r'"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+)')
_SIGNS = {"+": 1.0, "-": -1.0, "−": -1.0}
_WEIGHT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?|\.[0-9]{1,6}")
_LENGTH_LEAST = 1e-3  # of a sum of unit vectors; below it, the direction is rounding


@dataclass(frozen=True, slots=True)
class Part:
    """A text and what it counts for; below 0, what is to be far away."""

    weight: float
    text: str


@dataclass(slots=True)
class _Written:
    """A part as it was written; `is_signed` where a sign stands before it, after which there may be a weight."""

    sign: float
    is_signed: bool
    tokens: list[re.Match[str]] = field(default_factory=list)


def parse_combined(query: str) -> tuple[Part, ...]:
    """The parts of a combination such as `"fast car" - racing + 0.5 electric`.

    Raises:
        QueryError: A sign has nothing after it, nothing is looked for, or there are more than PARTS_MAX parts.
    """
    written = [_Written(1.0, is_signed=False)]
    for token in _TOKEN.finditer(query):
        if token["bare"] in _SIGNS:
            written.append(_Written(_SIGNS[token["bare"]], is_signed=True))
        else:
            written[-1].tokens.append(token)
    if not written[0].tokens and len(written) > 1:
        del written[0]  # the query begins with a sign
    if len(written) > PARTS_MAX:
        raise QueryError(f"The query is combined of {len(written)} parts; at most {PARTS_MAX} can be. Leave some out.")
    parts = tuple(_part(one, query) for one in written)
    if not any(part.weight > 0 for part in parts):
        raise QueryError(f"The query {query!r} only says what to be far from. Add what to look for.")
    return parts


def _part(written: _Written, query: str) -> Part:
    tokens, weight = written.tokens, 1.0
    if written.is_signed and len(tokens) > 1 and _WEIGHT.fullmatch(tokens[0]["bare"] or ""):
        tokens, weight = tokens[1:], float(tokens[0]["bare"])
    text = " ".join(token["quoted"] or token["bare"] or "" for token in tokens).strip()
    if not text:
        raise QueryError(
            f"The query {query!r} has a sign with nothing after it. Write parts between + and -, such as "
            '`"fast car" - racing + 0.5 electric`; a sign that is meant as text goes in quotes.'
        )
    return Part(written.sign * weight, text)


def combined(parts: Sequence[Part], vectors: Vectors) -> Vectors:
    """The unit row (1, dim) in the direction of the weighted sum.

    Args:
        parts: Whose weights count.
        vectors: Unit rows, (len(parts), dim).

    Raises:
        QueryError: The parts cancel each other out.
    """
    weights = np.array([part.weight for part in parts], dtype=np.float32)
    total = weights @ vectors
    length = float(np.linalg.norm(total))
    if length < _LENGTH_LEAST:
        raise QueryError("The parts of the query cancel each other out, so nothing is left to look for. Change one.")
    return np.asarray(total / length, dtype=np.float32)[np.newaxis]


def middle(vectors: Vectors) -> Vectors:
    """The unit row (1, dim) to which unit rows, (n, dim), are nearest on the mean."""
    total = vectors.mean(axis=0)
    length = float(np.linalg.norm(total))
    if length < _LENGTH_LEAST:
        raise QueryError(
            "The passages of the example point in all directions, so they have no middle. Use a shorter one."
        )
    return np.asarray(total / length, dtype=np.float32)[np.newaxis]
