import tracemalloc
from collections.abc import Sequence

import pytest

from search_app.twin.examples import AnsweredQuery, query_positive, shared_words
from search_app.twin.negatives import Candidate, MinedQuery, MiningSettings, Suspect, mine

ANSWER = "this is how it is done"
FOUND = [
    Candidate("rival", "another way to do it", 0.83),
    Candidate("answer", ANSWER, 0.82),
    Candidate("rival", "a second passage of it", 0.80),
    Candidate("copy", "This is how it is done", 0.70),
    Candidate("near", "beside the point", 0.70),
    Candidate("far", "far from it", 0.40),
    Candidate("farther", "something else", 0.30),
]
QUERY = AnsweredQuery("how", {"answer": ANSWER})


def search(queries: Sequence[str], hits: int) -> list[list[Candidate]]:
    return [FOUND[:hits] for _ in queries]


def unscored(pairs: Sequence[tuple[str, str]]) -> list[float]:
    raise AssertionError(f"the search found the answer of {pairs}")


def test_negatives_score_clearly_below_the_answer_and_rivals_are_suspected() -> None:
    (mined,) = mine([QUERY], search, unscored)
    assert mined == MinedQuery(
        "how",
        (query_positive("how", ANSWER, ["beside the point", "far from it", "something else"]),),
        (Suspect(FOUND[0], 0.82),),
        mined_count=3,
    )


def test_window_and_number_of_negatives_are_kept() -> None:
    (mined,) = mine([QUERY], search, unscored, MiningSettings(first_rank=6, last_rank=7, negatives=1))
    assert mined.examples == (query_positive("how", ANSWER, ["far from it"]),)
    (mined,) = mine([QUERY], search, unscored, MiningSettings(first_rank=2, last_rank=4))
    assert mined.examples == (query_positive("how", ANSWER),)


def test_what_people_rejected_comes_first_and_what_they_judged_is_not_mined() -> None:
    query = AnsweredQuery("how", {"answer": ANSWER}, frozenset({"near", "rival"}), ("not at all",))
    (mined,) = mine([query], search, unscored, MiningSettings(negatives=2))
    assert mined.examples == (query_positive("how", ANSWER, ["not at all", "far from it"]),)
    assert (mined.suspected, mined.mined_count) == ((), 1)


def test_an_answer_that_the_search_did_not_find_is_scored_by_the_encoder() -> None:
    asked: list[Sequence[tuple[str, str]]] = []

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        asked.append(pairs)
        return [0.5 for _ in pairs]

    lost = AnsweredQuery("how", {"answer": ANSWER, "elsewhere": "on the next page"})
    mined = list(mine([lost, QUERY, lost], search, score))
    assert asked == [[("how", "on the next page")] * 2]
    assert mined[0].examples[1] == query_positive("how", "on the next page", ["far from it", "something else"])


def test_a_query_whose_answer_ranks_below_everything_gives_no_negatives() -> None:
    (mined,) = mine([AnsweredQuery("how", {"lost": "x"})], search, lambda pairs: [0.1 for _ in pairs])
    assert mined.examples == (query_positive("how", "x"),)
    assert [one.candidate.document_id for one in mined.suspected] == [
        "rival",
        "answer",
        "copy",
        "near",
        "far",
        "farther",
    ]


def test_queries_are_searched_in_batches_and_results_stream() -> None:
    asked: list[int] = []

    def counting(queries: Sequence[str], hits: int) -> list[list[Candidate]]:
        asked.append(len(queries))
        return search(queries, hits)

    mined = mine((QUERY for _ in range(7)), counting, unscored, MiningSettings(batch_size=3))
    next(mined)
    assert asked == [3]
    assert len(list(mined)) == 6
    assert asked == [3, 3, 1]


def peak_of_mining(queries: int) -> int:
    """The most bytes held at once while so many queries are mined, each with 50 candidates of its own."""

    def fresh(texts: Sequence[str], hits: int) -> list[list[Candidate]]:
        return [[Candidate(f"d{n}", f"{text} word{n} " * 5, 0.5 - n / 200) for n in range(hits)] for text in texts]

    asked = (AnsweredQuery(f"query {number}", {"d0": f"answer {number}"}) for number in range(queries))
    tracemalloc.start()
    try:
        assert sum(one.mined_count for one in mine(asked, fresh, unscored, MiningSettings(batch_size=20))) > queries
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_queries() -> None:
    assert peak_of_mining(1000) < 1.2 * peak_of_mining(100)


def test_shared_words_worked_out_on_paper() -> None:
    assert shared_words("a b C", "c a d") == pytest.approx(2 / 4)
    assert shared_words("", "") == 0
