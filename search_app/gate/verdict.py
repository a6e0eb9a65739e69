"""What the gate says: figures for programs, one paragraph for people, and what to do next.

A verdict is kept as JSON with its generation and read back by `verdict_of`; one that an earlier version kept is read
as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from search_app.evaluation import GATE_METRIC, Evaluation
from search_app.gate.decision import Ruling
from search_app.gate.sides import Sides

_SHOWN_MOVED = 2  # queries named on each side
_QUERY_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class GuardOutcome:
    """A set of queries on which the new generation may lose at most `margin`; `before` and `after` are means."""

    name: str
    query_count: int
    before: float
    after: float
    margin: float

    @property
    def is_held(self) -> bool:
        """Whether the loss, if any, is within the margin."""
        return self.after - self.before >= -self.margin

    @property
    def text(self) -> str:
        """The figures in a few words."""
        return (
            f"{self.name} {self.before:.4f} -> {self.after:.4f} ({self.query_count:,} queries; "
            f"may fall by {self.margin:.3f})"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says about a candidate beside the live generation, on the same held-out queries.

    Attributes:
        difference: Mean of the candidate's nDCG@10 minus the live one's; `low` and `high` are its 95 % interval.
        p_value: Of a one-sided paired permutation test, as in `Decision`; None when no query differs.
        margin: The loss that was to be put up with; None where a gain was asked for.
        mean_cosine: Between random chunks of the candidate: near 1 where it tells nothing apart.
        needed_count: Queries that would decide a difference of this size.
        sides: What the two are called beside each other; None in verdicts that an earlier version kept.
    """

    live: Evaluation
    candidate: Evaluation
    difference: float
    p_value: float | None
    wins: int
    losses: int
    ties: int
    is_passed: bool
    ruling: Ruling = Ruling.UNDECIDED
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    guards: tuple[GuardOutcome, ...] = ()
    mean_cosine: float | None = None
    needed_count: int | None = None
    sides: Sides | None = None

    @property
    def sentence(self) -> str:
        """Figures first, then the decision."""
        decision = "The gate lets it through." if self.is_passed else "The gate keeps the live generation."
        interval = (
            "" if self.low is None or self.high is None else f", 95 % interval {self.low:+.4f} to {self.high:+.4f}"
        )
        doubt = "" if self.p_value is None else f", {self._test} p {_p_text(self.p_value)}"
        called = self.sides or Sides(self.live.encoder, self.candidate.encoder, "")
        return (
            f"Generation {self.candidate.generation} ({called.candidate}) against generation "
            f"{self.live.generation} ({called.live}) on {_counted(self.live.query_count)}, by meaning: "
            f"{GATE_METRIC} {self.live.metrics[GATE_METRIC]:.4f} -> {self.candidate.metrics[GATE_METRIC]:.4f} "
            f"({self.difference:+.4f}{interval}{doubt}; {self.wins} better, {self.losses} worse, {self.ties} equal). "
            f"{decision}"
        )

    @property
    def _test(self) -> str:
        """What the p value is of: where a gain wasn't shown, it is that the loss is less than the margin."""
        if self.margin is None or self.ruling is Ruling.BETTER:
            return "paired permutation test"
        return f"paired permutation test for a loss of less than {self.margin:g}"

    @property
    def paragraph(self) -> str:
        """The sentence, with what moved, what was guarded, the reason and what to do next."""
        parts = (self.sentence, self.advice, _moved_text(self), _guards_text(self))
        return " ".join(part for part in parts if part)

    @property
    def advice(self) -> str:
        """The reason as far as the figures don't say it, and what to do next; empty where there is nothing to do."""
        reasons = _REASONS | _OF_SAME_ENCODER if _other(self) else _REASONS
        return reasons[self.ruling](self)

    def moved(self, *, gained: bool) -> tuple[tuple[str, float, float], ...]:
        """The queries that gained, or lost, with both values of the metric; the largest change first."""
        sign = 1 if gained else -1
        rows = [(query, before, self.candidate.by_query[query]) for query, before in self.live.by_query.items()]
        found = [row for row in rows if sign * (row[2] - row[1]) > 0]
        return tuple(sorted(found, key=lambda row: (-abs(row[2] - row[1]), row[0])))


def verdict_of(kept: Mapping[str, Any]) -> Verdict:
    """The verdict that was kept as JSON."""
    known = {field.name for field in fields(Verdict)}
    values = {name: value for name, value in kept.items() if name in known}
    values["live"], values["candidate"] = Evaluation(**kept["live"]), Evaluation(**kept["candidate"])
    values["guards"] = tuple(GuardOutcome(**one) for one in kept.get("guards", ()))
    values["sides"] = Sides(**kept["sides"]) if kept.get("sides") else None
    passed = Ruling.NOT_WORSE if kept["is_passed"] else Ruling.WORSE  # the rule of versions that kept no ruling
    values["ruling"] = Ruling(kept.get("ruling", passed))
    return Verdict(**values)


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def _counted(count: int) -> str:
    return f"{count:,} held-out {'query' if count == 1 else 'queries'}"


def _moved_text(verdict: Verdict) -> str:
    gained, lost = (_named(verdict.moved(gained=is_gain)) for is_gain in (True, False))
    told = [f"most gained {gained}" if gained else "", f"most lost {lost}" if lost else ""]
    text = "; ".join(part for part in told if part)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _named(moved: Sequence[tuple[str, float, float]]) -> str:
    return ", ".join(
        f"{_short(query)!r} ({before:.2f} -> {after:.2f})" for query, before, after in moved[:_SHOWN_MOVED]
    )


def _short(query: str) -> str:
    return query if len(query) <= _QUERY_CHARACTERS else f"{query[: _QUERY_CHARACTERS - 1]}…"


def _guards_text(verdict: Verdict) -> str:
    return f"Guarded: {'; '.join(one.text for one in verdict.guards)}." if verdict.guards else ""


def _undecided(verdict: Verdict) -> str:
    wanted = verdict.needed_count
    if wanted is None:
        return "No difference shows: judge queries on which the two differ, or keep what there is."
    more = max(wanted - verdict.live.query_count, 1)
    return (
        f"A gain of {verdict.difference:.4f} isn't beyond chance on so few queries: about {more:,} more judged queries "
        "would decide one of this size. Judge more answers and compare again."
    )


def _worse(_: Verdict) -> str:
    return "It is worse: train on more or cleaner examples, and look at the queries that lost."


def _guard(verdict: Verdict) -> str:
    return (
        f"It lost too much elsewhere ({_broken(verdict)}): what it learned cost what it knew. Train with fewer epochs "
        "or a lower learning rate, or add examples with --from-corpus."
    )


def _broken(verdict: Verdict) -> str:
    return ", ".join(one.name for one in verdict.guards if not one.is_held)


def _collapsed(verdict: Verdict) -> str:
    return (
        f"Its vectors are nearly one and the same (mean cosine of random chunks {verdict.mean_cosine or 1:.3f}): the "
        "encoder has collapsed. Train again with a lower learning rate or harder negatives; no option overrides this."
    )


def _not_worse(verdict: Verdict) -> str:
    if verdict.margin is None:
        return ""
    return f"It isn't worse by {verdict.margin:g} or more, which was all that was asked (--non-inferior)."


def _other(verdict: Verdict) -> str:
    """What differs, where the encoder doesn't."""
    return verdict.sides.only if verdict.sides else ""


def _not_better(verdict: Verdict) -> str:
    """Of the same encoder, run or fed otherwise: a gain is rarely what that is for."""
    return (
        f"Only {_other(verdict)} differs. If it need not find more, but be quicker or smaller, ask with --non-inferior "
        "0.01; if not, keep the live generation."
    )


def _guard_of_same(verdict: Verdict) -> str:
    return f"It lost too much elsewhere ({_broken(verdict)}): keep the live generation."


def _collapsed_of_same(verdict: Verdict) -> str:
    return (
        f"Its vectors are nearly one and the same (mean cosine of random chunks {verdict.mean_cosine or 1:.3f}), and "
        f"only {_other(verdict)} differs: keep the live generation; no option overrides this."
    )


_REASONS: dict[Ruling, Callable[[Verdict], str]] = {
    Ruling.BETTER: lambda _: "",
    Ruling.NOT_WORSE: _not_worse,
    Ruling.WORSE: _worse,
    Ruling.UNDECIDED: _undecided,
    Ruling.GUARD: _guard,
    Ruling.COLLAPSED: _collapsed,
}
_OF_SAME_ENCODER: dict[Ruling, Callable[[Verdict], str]] = {  # nothing was learned, so no training helps
    Ruling.WORSE: _not_better,
    Ruling.UNDECIDED: _not_better,
    Ruling.GUARD: _guard_of_same,
    Ruling.COLLAPSED: _collapsed_of_same,
}
