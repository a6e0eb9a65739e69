from collections.abc import Sequence

import pytest

from search_app.twin.examples import query_positive
from search_app.twin.negatives import (
    AnsweredQuery,
    Candidate,
    MinedQuery,
    MiningSettings,
    mine,
    shared_words,
)

FOUND = [
    Candidate("top", "the very first hit", 0.95),
    Candidate("rival", "another way to do it", 0.80),
    Candidate("answer", "this is how it is done", 0.82),
    Candidate("copy", "This is how it is done", 0.70),
    Candidate("near", "beside the point", 0.70),
    Candidate("far", "far from it", 0.40),
    Candidate("farther", "something else", 0.30),
]
QUERY = AnsweredQuery("how", {"answer": "this is how it is done"})


def search(queries: Sequence[str], hits: int) -> list[list[Candidate]]:
    return [FOUND[:hits] for _ in queries]


def score(query: str, passages: Sequence[str]) -> list[float]:
    return [0.82 for _ in passages]


def test_negatives_score_clearly_below_the_answer_and_rivals_are_suspected() -> None:
    (mined,) = mine([QUERY], search, score)
    assert mined == MinedQuery(
        "how",
        (query_positive("how", "this is how it is done", ["beside the point", "far from it", "something else"]),),
        (Candidate("rival", "another way to do it", 0.80),),
    )


def test_window_and_number_of_negatives_are_kept() -> None:
    settings = MiningSettings(first_rank=1, last_rank=6, negatives=1)
    (mined,) = mine([QUERY], search, score, settings)
    assert mined.examples == (query_positive("how", "this is how it is done", ["beside the point"]),)
    assert [one.document_id for one in mined.suspected] == ["top", "rival"]


def test_a_query_whose_answer_ranks_below_everything_gives_no_negatives() -> None:
    (mined,) = mine([QUERY], search, lambda *_: [0.1])
    assert mined.examples == ()
    assert len(mined.suspected) == 4


def test_queries_are_searched_in_batches_and_results_stream() -> None:
    asked: list[int] = []

    def counting(queries: Sequence[str], hits: int) -> list[list[Candidate]]:
        asked.append(len(queries))
        return search(queries, hits)

    mined = mine((QUERY for _ in range(7)), counting, score, MiningSettings(batch_size=3))
    next(mined)
    assert asked == [3]
    assert len(list(mined)) == 6
    assert asked == [3, 3, 1]


def test_shared_words_worked_out_on_paper() -> None:
    assert shared_words("a b C", "c a d") == pytest.approx(2 / 4)
    assert shared_words("", "") == 0
