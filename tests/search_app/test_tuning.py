"""Tuning finds what serves the judged queries, by gains that were not fitted, and changes nothing for chance."""

import json
from collections.abc import Callable, Iterator
from itertools import combinations, islice
from pathlib import Path
from random import Random

import ir_measures
import numpy as np
import pytest

from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import UsageError
from search_app.fusion import Fusion
from search_app.requests import IngestRequest, TuneRequest
from search_app.retrieval import Approach, Mode
from search_app.tuning import CANDIDATES, cross_validated, ndcg

SYNONYMS = {
    "cat": "kitten",
    "dog": "hound",
    "car": "automobile",
    "bread": "loaf",
    "rain": "drizzle",
    "night": "evening",
}
SYNONYMS |= {"sea": "ocean", "road": "street", "king": "monarch"}
PAIRS = list(islice(combinations(SYNONYMS, 2), 33))


@pytest.fixture(scope="module")
def pairs(noted: SearchApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchApp]:
    """For each two words a document of them, and one of their synonyms and a word more: asked in synonyms, the words
    of the query are in the latter and its meaning is the former: cosines 1 and 2/√6."""
    rows = []
    for one, other in PAIRS:
        rows.append({"_id": f"{one}-{other}", "text": f"{one} {other}"})
        rows.append({"_id": f"{one}-{other}-decoy", "text": f"{SYNONYMS[one]} {SYNONYMS[other]} fire"})
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps({**row, "title": ""}) + "\n" for row in rows))
    noted.ingest(IngestRequest((str(path),), "pairs"))
    yield noted
    noted.drop_collection("pairs")


@pytest.fixture
def judge(pairs: SearchApp) -> Iterator[Callable[[list[NewJudgement]], SearchApp]]:
    """Writes judgements down, and takes them and what was tuned by them back."""
    numbers: list[int] = []

    def write(new: list[NewJudgement]) -> SearchApp:
        numbers.extend(pairs.catalog.judgements.add_many(pairs.catalog.collections.get("pairs").id, new))
        return pairs

    yield write
    for number in numbers:
        pairs.withdraw(number)
    pairs.reset_tuning("pairs")


def asked_in_synonyms() -> list[NewJudgement]:
    return [
        NewJudgement(f"{SYNONYMS[one]} {SYNONYMS[other]}", f"{one}-{other}", grade=2, user="ann", split=Split.TRAIN)
        for one, other in PAIRS
    ]


def test_where_words_mislead_the_collection_goes_by_meaning_from_then_on(
    judge: Callable[[list[NewJudgement]], SearchApp],
) -> None:
    app = judge(asked_in_synonyms())
    assert app.search("kitten hound", "pairs", k=1).hits[0].document_id == "cat-dog-decoy"
    outcome = app.run(TuneRequest("pairs"))
    assert (outcome.query_count, outcome.generation, outcome.is_changed) == (33, 1, True)
    assert (outcome.before, outcome.best, outcome.after) == (Approach(), Approach(Mode.DENSE), Approach(Mode.DENSE))
    scores = {trial.approach: trial.score for trial in outcome.curve}
    assert set(scores) == set(CANDIDATES)
    assert scores[Approach(Mode.DENSE)] == pytest.approx(1)
    assert scores[Approach()] < 0.7
    assert outcome.gain == pytest.approx(1 - scores[Approach()])
    assert outcome.p_value == pytest.approx(0.0001)
    found = app.search("kitten hound", "pairs", k=1)
    assert (found.mode, found.hits[0].document_id) == ("dense", "cat-dog")


def test_a_mode_that_is_asked_for_stays_and_a_reset_goes_back(
    judge: Callable[[list[NewJudgement]], SearchApp],
) -> None:
    app = judge(asked_in_synonyms())
    before = app.search("kitten hound", "pairs").hits
    app.tune(TuneRequest("pairs"))
    asked = app.search("kitten hound", "pairs", mode="hybrid")
    assert (asked.mode, asked.hits) == ("hybrid", before)
    assert app.reset_tuning("pairs") == Approach()
    assert app.search("kitten hound", "pairs").hits == before


def test_a_fusion_that_was_learned_is_searched_with(pairs: SearchApp) -> None:
    from search_app.preferences import with_preference

    usual = pairs.search("kitten hound", "pairs", k=1, mode="hybrid").hits[0]
    settings = with_preference({"other": 1}, Approach(Mode.HYBRID, Fusion("standout", 0.05)))
    pairs.catalog.collections.change_settings("pairs", settings)
    learned = pairs.search("kitten hound", "pairs", k=1)
    pairs.reset_tuning("pairs")
    assert (learned.mode, learned.hits[0].document_id, usual.document_id) == ("hybrid", "cat-dog", "cat-dog-decoy")
    assert pairs.catalog.collections.get("pairs").settings == {"other": 1}
    pairs.catalog.collections.change_settings("pairs", {})


def test_nothing_is_changed_where_every_approach_is_as_good(
    judge: Callable[[list[NewJudgement]], SearchApp],
) -> None:
    app = judge(
        [
            NewJudgement(f"{one} {other}", f"{one}-{other}", grade=1, user="ann", split=Split.TRAIN)
            for one, other in PAIRS
        ]
    )
    outcome = app.tune(TuneRequest("pairs"))
    assert (outcome.best, outcome.gain, outcome.p_value, outcome.is_changed) == (Approach(), 0.0, None, False)
    assert app.catalog.collections.get("pairs").settings == {}


def test_held_out_judgements_and_too_few_are_not_tuned_on(judge: Callable[[list[NewJudgement]], SearchApp]) -> None:
    app = judge(
        [
            NewJudgement(f"{other} {one}", f"{one}-{other}", grade=2, user="ann", split=split)
            for split, (one, other) in zip([Split.HELDOUT] * 10 + [Split.TRAIN] * 23, PAIRS, strict=True)
        ]
    )
    with pytest.raises(UsageError) as refused:
        app.tune(TuneRequest("pairs"))
    assert str(refused.value) == (
        "Collection 'pairs' has 23 queries with a good answer in the train part of its judgements; tuning needs 30. "
        "Judge more answers, or import judged queries with `twinsearch judgements import`."
    )


def test_the_measure_is_that_of_trec_eval() -> None:
    random = Random(7)
    for _ in range(50):
        grades = {f"d{number}": random.choice([0, 0, 1, 2, 3]) for number in range(12)} | {"d1": 1}
        ranking = random.sample([f"d{number}" for number in range(20)], 10)
        run = {"q": {document_id: -float(rank) for rank, document_id in enumerate(ranking)}}
        (expected,) = ir_measures.iter_calc([ir_measures.parse_measure("nDCG@10")], {"q": grades}, run)
        assert ndcg(ranking, grades) == pytest.approx(expected.value)


def test_a_query_has_no_say_in_what_it_is_scored_with() -> None:
    """Each query is answered by a candidate of its own and by the first one half: fitted 1, cross-validated 1/2."""
    scores = np.vstack([np.full(20, 0.5), np.eye(20)])
    assert cross_validated(scores).tolist() == [0.5] * 20


def test_the_command_shows_the_curve_and_what_is_done(
    judge: Callable[[list[NewJudgement]], SearchApp], run_on: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    app = judge(asked_in_synonyms())
    code, out, err = run_on(app.home.path, "tune", "pairs")
    lines = out.splitlines()
    assert (code, err, len(lines)) == (0, "", len(CANDIDATES) + 2)
    assert lines[0] == "nDCG@10 of 33 judged queries in generation 1 of 'pairs'"
    assert lines[1] == f"  dense                        1.0000  {'█' * 40}  best"
    assert lines[-1].endswith(
        "(paired permutation test p = 0.0001). 'pairs' goes by dense from now on; `--reset` goes back."
    )
    assert run_on(app.home.path, "tune", "pairs", "--reset") == (
        0,
        "Collection 'pairs' goes by hybrid (standout 0.4) again.\n",
        "",
    )
