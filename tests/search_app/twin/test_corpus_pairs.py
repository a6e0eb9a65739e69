from collections import Counter
from itertools import product

from search_app.twin.corpus_pairs import (
    CorpusText,
    heading_pairs,
    neighbour_pairs,
    sample,
    sentence_pairs,
    title_pairs,
)
from search_app.twin.examples import AnsweredQuery

COPY = "Copies the file with its metadata. Returns the path of the new file! Follows links unless told otherwise."
MOVE = "Moves the file or folder to another place, and renames it if the place has a name of its own."


def test_a_title_asks_for_the_first_passage_of_its_document() -> None:
    texts = [
        CorpusText("a", "shutil.copy2", COPY),
        CorpusText("a", "shutil.copy2", MOVE, start=200),
        CorpusText("b", "", COPY),
        CorpusText("c", "short", "Too short."),
        CorpusText("d", COPY.upper(), COPY),
        CorpusText("e", "shutil.move", MOVE),
    ]
    expected = [AnsweredQuery("shutil.copy2", {"a": COPY}), AnsweredQuery("shutil.move", {"e": MOVE})]
    assert list(title_pairs(texts)) == expected


def test_a_heading_asks_for_the_first_passage_below_it() -> None:
    texts = [
        CorpusText("a", "shutil", COPY),
        CorpusText("a", "shutil", COPY, ("Files", "Copying"), 200),
        CorpusText("a", "shutil", MOVE, ("Files", "Copying"), 400),
        CorpusText("b", "", MOVE, ("Files", "Copying")),
    ]
    expected = [AnsweredQuery("shutil Copying", {"a": COPY}), AnsweredQuery("Copying", {"b": MOVE})]
    assert list(heading_pairs(texts)) == expected


def test_a_passage_asks_for_the_next_one_of_its_document_without_what_both_share() -> None:
    both = f"{COPY} {MOVE}"
    texts = [
        CorpusText("a", "t", COPY),
        CorpusText("a", "t", both[len(COPY) - 10 :], start=len(COPY) - 10),
        CorpusText("a", "t", "The end.", start=len(both)),
        CorpusText("b", "t", MOVE),
    ]
    assert list(neighbour_pairs(texts)) == [AnsweredQuery(COPY, {"a": MOVE})]


def test_a_sentence_asks_for_its_surroundings_without_itself() -> None:
    (pair,) = sentence_pairs([CorpusText("a", "shutil.copy2", COPY)])
    ((document_id, passage),) = pair.answers.items()
    sentences = COPY.replace("! ", "!. ").split(". ")
    assert document_id == "a"
    assert pair.query.rstrip(".") in [sentence.rstrip(".") for sentence in sentences]
    assert passage.startswith("shutil.copy2 ")
    assert sorted(f"{passage.removeprefix('shutil.copy2 ')} {pair.query}".split()) == sorted(COPY.split())
    assert pair.query not in passage


def test_the_sentence_depends_on_the_seed_and_the_text_alone() -> None:
    texts = [CorpusText("a", "a", COPY), CorpusText("b", "b", COPY + " One more sentence stands here.")]
    assert list(sentence_pairs(texts, seed=4)) == list(sentence_pairs(texts, seed=4))
    queries = {next(sentence_pairs(texts, seed=seed)).query for seed in range(20)}
    assert len(queries) == 3


def test_a_text_of_one_sentence_gives_no_pair() -> None:
    assert list(sentence_pairs([CorpusText("a", "a", COPY.split("!")[0].split(". ")[0])])) == []


def numbered(count: int) -> list[AnsweredQuery]:
    return [AnsweredQuery(str(number), {"a": "b"}) for number in range(count)]


def test_a_sample_keeps_the_order_and_all_when_there_are_few() -> None:
    assert sample(numbered(5), 5) == sample(numbered(5), 9) == numbered(5)
    drawn = [int(one.query) for one in sample(numbered(100), 10, seed=1)]
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 10
    assert sample(numbered(100), 10, seed=1) == sample(numbered(100), 10, seed=1)


def test_every_pair_is_as_likely_as_any_other_to_be_drawn() -> None:
    drawn = Counter(one.query for seed in range(3000) for one in sample(numbered(6), 2, seed=seed))
    assert all(900 < drawn[str(number)] < 1100 for number in range(6)), drawn  # 1,000 each, 26 is one deviation
    pairs = Counter(tuple(one.query for one in sample(numbered(3), 2, seed=seed)) for seed in range(3000))
    assert set(pairs) == {(str(one), str(other)) for one, other in product(range(3), repeat=2) if one < other}
