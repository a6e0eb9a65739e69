"""How far people agree on what answers a query, so that one knows how much the judgements can be trusted.

Only what two people judged both counts for them. Grades are those that hold now; who withdrew one has none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from search_app.catalog.judgements import Judgement, query_key

FAR_APART = 2  # grades so many steps apart contradict each other, and so does any other one with 0, no answer


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two people on the documents that both judged, for the same queries.

    Attributes:
        equal_share: Of the shared judgements, those with the same grade.
        kappa: Cohen's, 1 for full agreement and 0 for what chance gives; None where both gave one grade throughout.
    """

    first: str
    second: str
    shared_count: int
    equal_share: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A document that is an answer to some and none to others, or on which they are `FAR_APART` or more.

    `grades` are (person, grade), the lowest first.
    """

    query: str
    document_id: str
    grades: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Every pair of people who judged something both, and what they contradict each other on."""

    pairs: tuple[PairAgreement, ...]
    conflicts: tuple[Conflict, ...]


def agreement_of(judgements: Iterable[Judgement]) -> Agreement:
    """The agreement in judgements that hold, each person's last word on each document for each query."""
    grades: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    spelled: dict[str, str] = {}
    for one in judgements:
        if one.grade is not None:
            key = query_key(one.query)
            spelled.setdefault(key, one.query)
            grades[key, one.document_id][one.user] = one.grade
    shared: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for voices in grades.values():
        for first, second in combinations(sorted(voices), 2):
            shared[first, second].append((voices[first], voices[second]))
    conflicts = [
        Conflict(spelled[key], document_id, tuple(sorted(voices.items(), key=lambda voice: (voice[1], voice[0]))))
        for (key, document_id), voices in grades.items()
        if _contradict(min(voices.values()), max(voices.values()))
    ]
    pairs = tuple(_pair(first, second, both) for (first, second), both in sorted(shared.items()))
    return Agreement(pairs, tuple(conflicts))


def _contradict(lowest: int, highest: int) -> bool:
    return highest - lowest >= FAR_APART or lowest == 0 < highest


def cohen_kappa(grades: Sequence[tuple[int, int]]) -> float | None:
    """Agreement beyond chance: (p_o - p_e) / (1 - p_e); None where chance alone agrees fully.

    p_o is the share of equal grades, p_e what it would be if each gave their grades in any order.

    Source: Cohen 1960, "A coefficient of agreement for nominal scales".
    """
    count = len(grades)
    observed = sum(one == other for one, other in grades) / count
    firsts, seconds = Counter(one for one, _ in grades), Counter(other for _, other in grades)
    expected = sum(firsts[grade] * seconds[grade] for grade in firsts) / count**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _pair(first: str, second: str, grades: Sequence[tuple[int, int]]) -> PairAgreement:
    equal = sum(one == other for one, other in grades) / len(grades)
    return PairAgreement(first, second, len(grades), equal, cohen_kappa(grades))
