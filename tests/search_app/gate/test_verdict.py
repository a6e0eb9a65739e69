"""A verdict says in one paragraph what was compared, how it came out, and what to do next."""

from dataclasses import replace

import pytest

from ingest.chunking import ChunkingSettings
from search_app.catalog.generations import Generation, GenerationState
from search_app.evaluation import Evaluation
from search_app.gate.decision import Ruling
from search_app.gate.sides import Sides, sides_of
from search_app.gate.verdict import GuardOutcome, Verdict, verdict_of
from search_app.jobs import as_json


def evaluation(generation: int, by_query: dict[str, float]) -> Evaluation:
    mean = sum(by_query.values()) / len(by_query)
    return Evaluation("docs", generation, f"encoder-{generation}", len(by_query), {"nDCG@10": mean}, by_query)


def verdict(ruling: Ruling, **others: object) -> Verdict:
    """One query gained a whole point, one lost a half, one stayed."""
    live = evaluation(1, {"copy a file": 0.0, "wait": 1.0, "walk": 0.5})
    candidate = evaluation(2, {"copy a file": 1.0, "wait": 0.5, "walk": 0.5})
    values = {"low": -0.5, "high": 1.0, "needed_count": 21, **others}
    return Verdict(live, candidate, 1 / 6, 0.5, 1, 1, 1, ruling.is_passed, ruling, **values)  # type: ignore[arg-type]


FIGURES = (
    "Generation 2 (encoder-2) against generation 1 (encoder-1) on 3 held-out queries, by meaning: nDCG@10 0.5000 -> "
    "0.6667 (+0.1667, 95 % interval -0.5000 to +1.0000, paired permutation test p = 0.500; 1 better, 1 worse, 1 equal)."
)
MOVED = "Most gained 'copy a file' (0.00 -> 1.00); most lost 'wait' (1.00 -> 0.50)."


def test_an_open_question_tells_how_many_judgements_would_settle_it() -> None:
    assert verdict(Ruling.UNDECIDED).paragraph == (
        f"{FIGURES} The gate keeps the live generation. A gain of 0.1667 isn't beyond chance on so few queries: about "
        "18 more judged queries would decide one of this size. Judge more answers and compare again. " + MOVED
    )


def test_a_gain_needs_no_advice() -> None:
    assert verdict(Ruling.BETTER).paragraph == f"{FIGURES} The gate lets it through. {MOVED}"


def test_a_broken_guard_is_named_with_what_to_try() -> None:
    guards = (GuardOutcome("own titles", 200, 0.95, 0.9, 0.03), GuardOutcome("scifact", 300, 0.64, 0.63, 0.03))
    assert [one.is_held for one in guards] == [False, True]
    assert verdict(Ruling.GUARD, guards=guards).paragraph == (
        f"{FIGURES} The gate keeps the live generation. It lost too much elsewhere (own titles): what it learned cost "
        "what it knew. Train with fewer epochs or a lower learning rate, or add examples with --from-corpus. "
        f"{MOVED} Guarded: own titles 0.9500 -> 0.9000 (200 queries; may fall by 0.030); scifact 0.6400 -> 0.6300 "
        "(300 queries; may fall by 0.030)."
    )


def test_a_collapse_says_that_nothing_overrides_it() -> None:
    assert "(mean cosine of random chunks 0.987)" in verdict(Ruling.COLLAPSED, mean_cosine=0.987).paragraph
    assert "no option overrides this" in verdict(Ruling.COLLAPSED, mean_cosine=0.987).paragraph


def test_a_margin_that_was_asked_for_is_told() -> None:
    told = verdict(Ruling.NOT_WORSE, margin=0.01).paragraph
    assert "The gate lets it through. It isn't worse by 0.01 or more" in told
    assert "paired permutation test for a loss of less than 0.01 p = 0.500" in told


def test_a_long_query_is_shortened_where_it_is_named() -> None:
    long = "w" * 100
    live, candidate = evaluation(1, {long: 0.0}), evaluation(2, {long: 1.0})
    assert f"Most gained '{'w' * 59}…' (0.00 -> 1.00)." in Verdict(live, candidate, 1, 0.5, 1, 0, 0, True).paragraph


def test_a_verdict_is_the_same_after_it_was_kept() -> None:
    guards = (GuardOutcome("own titles", 200, 0.95, 0.9, 0.03),)
    kept = verdict(Ruling.GUARD, guards=guards, mean_cosine=0.2, sides=Sides("a, fp32", "a, int8", "the precision"))
    assert verdict_of(as_json(kept)) == kept


def test_a_verdict_that_an_earlier_version_kept_is_read() -> None:
    newer = as_json(verdict(Ruling.WORSE))
    names = ("live", "candidate", "difference", "p_value", "wins", "losses", "ties", "is_passed")
    older = verdict_of({name: newer[name] for name in names})
    assert (older.ruling, older.low) == (Ruling.WORSE, None)
    assert "95 % interval" not in older.sentence


FIRST = Generation(
    id=1,
    collection_id=1,
    number=1,
    physical_name="twin_docs_1_0",
    fingerprint="f" * 64,
    encoder_name="plain",
    precision="fp32",
    dim=4,
    chunking=ChunkingSettings(256, 32),
    chunking_key="k",
    state=GenerationState.LIVE,
    created_at=0.0,
    ready_at=0.0,
    live_at=0.0,
    retired_at=None,
    dropped_at=None,
    evaluation=None,
)


@pytest.mark.parametrize(
    ("others", "sides"),
    [
        ({"encoder_name": "other", "fingerprint": "a" * 64}, Sides("plain", "other", "")),
        ({"fingerprint": "a" * 64}, Sides(f"plain, {'f' * 12}", f"plain, {'a' * 12}", "")),
        ({"precision": "int8:12ab"}, Sides("plain, fp32", "plain, int8", "the precision")),
        (
            {"precision": "bf16", "chunking": ChunkingSettings(128)},
            Sides(
                "plain, fp32, chunks of 256 tokens, 32 of them repeated",
                "plain, bf16, chunks of 128 tokens",
                "the precision and how documents are cut",
            ),
        ),
    ],
)
def test_two_generations_are_called_by_what_tells_them_apart(others: dict[str, object], sides: Sides) -> None:
    assert sides_of(FIRST, replace(FIRST, **others)) == sides  # type: ignore[arg-type]


def test_a_verdict_on_another_precision_names_it_and_asks_for_no_better_training() -> None:
    told = verdict(Ruling.UNDECIDED, sides=Sides("plain, fp32", "plain, int8", "the precision")).paragraph
    assert told.startswith("Generation 2 (plain, int8) against generation 1 (plain, fp32) on 3 held-out queries, ")
    assert (
        "The gate keeps the live generation. Only the precision differs. If it need not find more, but be quicker or "
        "smaller, ask with --non-inferior 0.01; if not, keep the live generation."
    ) in told
