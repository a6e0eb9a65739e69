"""Makes one ranking of two: by meaning (dense) and by words (lexical).

Pure functions over (id, score) pairs, best first. What is in one ranking only counts as last in the other.
Ties are broken by id, so that the same rankings always give the same order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from search_app.errors import UsageError

Ranking = Sequence[tuple[str, float]]

RANK_CONSTANT = 60  # Cormack, Clarke and Büttcher 2009


@dataclass(frozen=True, slots=True)
class Fusion:
    """How two rankings become one.

    Args:
        method: One of METHODS.
        weight: For "standout" what words may weigh beside meaning, from 0; for the others the share of meaning, 0 to 1.

    Raises:
        UsageError: There is no such method.
    """

    method: str = "standout"
    weight: float = 0.4

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"There is no fusion {self.method!r}; choose one of {', '.join(METHODS)}.")


def fuse(dense: Ranking, lexical: Ranking, fusion: Fusion) -> list[tuple[str, float]]:
    """The union of both rankings, by this fusion."""
    return METHODS[fusion.method](dense, lexical, fusion.weight)


def reciprocal_rank(
    dense: Ranking, lexical: Ranking, *, weight: float = 0.5, constant: float = RANK_CONSTANT
) -> list[tuple[str, float]]:
    """The union by weighted reciprocal ranks: w / (c + rank in dense) + (1 - w) / (c + rank in lexical).

    Args:
        dense: By meaning.
        lexical: By words.
        weight: Of the dense ranking, 0 to 1.
        constant: c > 0. The larger, the less the first places stand out.

    Source: Cormack et al. 2009, "Reciprocal rank fusion outperforms Condorcet", SIGIR.
    """
    by_meaning, by_words = (
        {id_: 1 / (constant + rank) for rank, (id_, _) in enumerate(one, 1)} for one in (dense, lexical)
    )
    return _merged(by_meaning, by_words, weight)


def weighted_sum(dense: Ranking, lexical: Ranking, *, weight: float) -> list[tuple[str, float]]:
    """The union by w · dense + (1 - w) · lexical, each scaled so that its best is 1 and its last 0.

    Args:
        dense: By meaning.
        lexical: By words.
        weight: Of the dense ranking, 0 to 1.

    Returns:
        Scores from 0 to 1; where one ranking is empty, the other in its own order.
    """
    return _merged(_scaled(dense), _scaled(lexical), weight)


def standout_sum(dense: Ranking, lexical: Ranking, *, boost: float = 0.4) -> list[tuple[str, float]]:
    """The union by w · cosine + (1 - w) · BM25 / best BM25, with a weight that each query sets for itself.

    w = 1 / (1 + boost · s), and s tells how far the best passage by words stands out: 1 - tenth BM25 / best BM25.
    Where ten passages have the query's words equally well, words say little, and the order by meaning stays. Cosines
    are not stretched: a clear lead by meaning holds, and passages that mean nearly the same are told apart by words.

    Args:
        dense: By meaning, with cosine similarities.
        lexical: By words, with positive scores.
        boost: What words may weigh, as a share of the weight of meaning; 0 leaves the order by meaning.

    Returns:
        Scores of at most 1; a passage that isn't among the dense ones counts as the last of them.
    """
    weight = 1 / (1 + boost * standout(lexical))
    best = lexical[0][1] if lexical else 1.0
    last = dense[-1][1] if dense else 0.0
    by_words = {id_: score / best for id_, score in lexical}
    by_meaning = dict.fromkeys(by_words, last) | dict(dense)
    return _merged(by_meaning, by_words, weight)


def standout(lexical: Ranking) -> float:
    """How far the best passage by words stands out of the first ten, 0 to 1; 1 where fewer than ten have a word."""
    if not lexical:
        return 0.0
    return 1 - lexical[9][1] / lexical[0][1] if len(lexical) > 9 else 1.0


def _scaled(ranking: Ranking) -> dict[str, float]:
    if not ranking:
        return {}
    best, last = ranking[0][1], ranking[-1][1]
    return {id_: (score - last) / (best - last) if best > last else 1.0 for id_, score in ranking}


def _merged(dense: Mapping[str, float], lexical: Mapping[str, float], weight: float) -> list[tuple[str, float]]:
    scores = {
        id_: weight * dense.get(id_, 0.0) + (1 - weight) * lexical.get(id_, 0.0)
        for id_ in dict.fromkeys([*dense, *lexical])
    }
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))


METHODS: Mapping[str, Callable[[Ranking, Ranking, float], list[tuple[str, float]]]] = {
    "standout": lambda dense, lexical, weight: standout_sum(dense, lexical, boost=weight),
    "sum": lambda dense, lexical, weight: weighted_sum(dense, lexical, weight=weight),
    "ranks": lambda dense, lexical, weight: reciprocal_rank(dense, lexical, weight=weight),
}
