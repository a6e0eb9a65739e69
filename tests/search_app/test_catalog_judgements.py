from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search_app.catalog import Catalog
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import CatalogError, UnknownJudgement, UsageError

JUDGED = NewJudgement(
    query="How do I log in?",
    document_id="faq.csv#3",
    chunk_id="c3",
    chunk_text_hash="h3",
    grade=3,
    user="ada",
    generation_number=1,
    mode="dense",
    rank=2,
    shown=("faq.csv#1", "faq.csv#3"),
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    yield catalog
    catalog.close()


@pytest.fixture
def docs(catalog: Catalog) -> int:
    return catalog.collections.create("docs").id


def test_a_judgement_keeps_what_was_shown(catalog: Catalog, docs: int) -> None:
    number = catalog.judgements.add(docs, JUDGED)
    (kept,) = catalog.judgements.current(docs)
    assert (kept.id, kept.collection_id) == (number, docs)
    fields = NewJudgement.__slots__
    assert {name: getattr(kept, name) for name in fields} == {
        **{name: getattr(JUDGED, name) for name in fields},
        "split": kept.split,
    }


def test_the_last_word_holds_and_the_former_stays_in_the_history(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add(docs, JUDGED)
    catalog.judgements.add(docs, replace(JUDGED, grade=0, query="how do i  LOG IN?"))
    assert [judgement.grade for judgement in catalog.judgements.current(docs)] == [0]
    assert [judgement.grade for judgement in catalog.judgements.history(docs)] == [0, 3]


def test_every_user_has_a_word(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add_many(docs, [JUDGED, replace(JUDGED, user="ben", grade=1)])
    current = catalog.judgements.current(docs)
    assert [(judgement.user, judgement.grade) for judgement in current] == [("ada", 3), ("ben", 1)]


def test_a_withdrawn_judgement_no_longer_holds_but_is_remembered(catalog: Catalog, docs: int) -> None:
    number = catalog.judgements.add(docs, JUDGED)
    catalog.judgements.withdraw(number)
    assert catalog.judgements.current(docs) == ()
    assert [judgement.grade for judgement in catalog.judgements.history(docs)] == [None, 3]
    catalog.judgements.add(docs, replace(JUDGED, grade=2))
    assert [judgement.grade for judgement in catalog.judgements.current(docs)] == [2]


def test_withdrawing_what_was_said_before_does_not_take_the_last_word_along(catalog: Catalog, docs: int) -> None:
    first, last = (catalog.judgements.add(docs, replace(JUDGED, grade=grade)) for grade in (3, 1))
    with pytest.raises(UsageError) as refused:
        catalog.judgements.withdraw(first)
    assert str(refused.value) == (
        f"Judgement {first} holds no longer: judgement {last} of the same document for the same query came after it. "
        f"`twinsearch judgements withdraw {last}` takes that one back."
    )
    assert [judgement.grade for judgement in catalog.judgements.current(docs)] == [1]


def test_a_query_keeps_the_split_that_it_was_first_given(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add(docs, replace(JUDGED, split=Split.HELDOUT))
    catalog.judgements.add(docs, replace(JUDGED, document_id="other", split=Split.TRAIN))
    catalog.judgements.add(docs, replace(JUDGED, document_id="third", query=" how do i log in? "))
    assert [judgement.split for judgement in catalog.judgements.current(docs)] == [Split.HELDOUT] * 3
    assert catalog.judgements.current(docs, split=Split.TRAIN) == ()


def test_a_quarter_of_the_queries_is_held_out(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add_many(docs, [replace(JUDGED, query=f"query {n}") for n in range(1200)])
    heldout = catalog.judgements.current(docs, split=Split.HELDOUT)
    assert len(heldout) == pytest.approx(300, abs=60)  # four standard deviations


def test_the_split_of_a_query_is_the_same_in_every_home(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add_many(docs, [replace(JUDGED, query=f"query {n}") for n in range(8)])
    splits = [judgement.split.value for judgement in catalog.judgements.current(docs)]
    assert splits == ["train", "train", "heldout", "train", "train", "train", "heldout", "train"]


def test_a_wrong_grade_stores_nothing_of_its_batch(catalog: Catalog, docs: int) -> None:
    with pytest.raises(CatalogError) as refused:
        catalog.judgements.add_many(docs, [JUDGED, replace(JUDGED, grade=4)])
    assert str(refused.value) == "4 is no grade. Use 0 (no answer), 1, 2 or 3 (the answer)."
    assert catalog.judgements.history(docs) == ()


def test_withdrawing_what_was_never_said_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UnknownJudgement, match=r"^There is no judgement 5\."):
        catalog.judgements.withdraw(5)


def test_counts_tell_what_there_is_to_train_and_to_compare_with(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add_many(
        docs,
        [
            replace(JUDGED, split=Split.TRAIN),
            replace(JUDGED, document_id="other", grade=0),
            replace(JUDGED, query="another", split=Split.HELDOUT),
        ],
    )
    counts = catalog.judgements.counts(docs)
    assert counts.judgement_count == 3
    assert counts.query_counts == {Split.TRAIN: 1, Split.HELDOUT: 1}
    assert counts.grade_counts == {0: 1, 1: 0, 2: 0, 3: 2}


def test_judgements_go_with_their_collection(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add(docs, JUDGED)
    catalog.collections.delete("docs")
    again = catalog.collections.create("docs")
    assert catalog.judgements.history(docs) == catalog.judgements.history(again.id) == ()


def test_nearly_the_same_question_goes_where_the_first_one_went(catalog: Catalog, docs: int) -> None:
    things = {"gate": Split.TRAIN, "house": Split.HELDOUT, "road": Split.TRAIN, "lake": Split.HELDOUT}
    for thing, split in things.items():
        catalog.judgements.add(docs, replace(JUDGED, query=f"open {thing} {thing}s old", split=split))
        catalog.judgements.add(docs, replace(JUDGED, query=f"Old {thing}s: open {thing}?"))
    splits = {one.query: one.split for one in catalog.judgements.current(docs)}
    assert {thing: splits[f"Old {thing}s: open {thing}?"] for thing in things} == things


def test_whoever_brings_a_split_along_has_the_say(catalog: Catalog, docs: int) -> None:
    catalog.judgements.add(docs, replace(JUDGED, query="copy a file", split=Split.TRAIN))
    catalog.judgements.add(docs, replace(JUDGED, query="a file: copy", split=Split.HELDOUT))
    assert [one.split for one in catalog.judgements.current(docs)] == [Split.TRAIN, Split.HELDOUT]
