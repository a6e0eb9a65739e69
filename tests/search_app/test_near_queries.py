"""Nearly the same questions stay together, so that none is both learned from and tested with."""

from random import Random

from search_app.catalog.near_queries import LIKENESS_LEAST, NearQueries, words_of


def test_order_case_and_a_small_word_make_no_other_question() -> None:
    near = NearQueries(["copy a file and keep its timestamps"])
    assert near.find("Copy a file, keep its timestamps!") == "copy a file and keep its timestamps"
    assert near.find("its timestamps keep and a file copy") == "copy a file and keep its timestamps"
    assert near.find("copy a folder") is None


def test_three_quarters_of_the_words_are_enough_and_fewer_are_not() -> None:
    assert NearQueries(["a b c"]).find("a b c d") == "a b c"
    assert NearQueries(["a b c"]).find("a b d") is None


def test_a_query_without_words_is_near_to_none() -> None:
    assert NearQueries(["?!"]).find("?!") is None


def test_what_is_found_is_what_comparing_with_every_query_finds() -> None:
    seed = 5
    draw = Random(seed)
    queries = [" ".join(draw.choices("abcdefgh", k=draw.randint(1, 7))) for _ in range(300)]
    near = NearQueries(queries)
    for asked in (" ".join(draw.choices("abcdefgh", k=draw.randint(1, 7))) for _ in range(300)):
        words = words_of(asked)
        alike = [one for one in queries if _jaccard(words, words_of(one)) >= LIKENESS_LEAST]
        assert near.find(asked) == next(iter(alike), None), f"seed {seed}: {asked!r}"


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)
