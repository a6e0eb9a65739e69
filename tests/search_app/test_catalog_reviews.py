"""The review list: what was noted, what became of it, and that judgements alone decide whether it is judged."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_app.catalog import Catalog
from search_app.catalog.judgements import NewJudgement
from search_app.catalog.reviews import NewReview, ReviewState
from search_app.errors import UnknownReview


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog(tmp_path / "catalog.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def docs(catalog: Catalog) -> int:
    return catalog.collections.create("docs").id


def entry(query: str, document_id: str, score: float = 0.8, source: str = "mining") -> NewReview:
    return NewReview(query, document_id, f"{document_id}#0", "hash", score, 0.7, source)


def states(catalog: Catalog, docs: int) -> dict[tuple[str, str], str]:
    return {(one.query, one.document_id): one.state.value for one in catalog.reviews.list(docs)}


def test_entries_come_with_the_most_doubtful_first(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("q", "a", 0.71), entry("q", "b", 0.9), entry("p", "a", 0.8)])
    found = catalog.reviews.list(docs)
    assert [(one.query, one.document_id, one.score, one.answer_score) for one in found] == [
        ("q", "b", 0.9, 0.7),
        ("p", "a", 0.8, 0.7),
        ("q", "a", 0.71, 0.7),
    ]
    assert catalog.reviews.list(docs, limit=1) == found[:1]


def test_an_entry_is_noted_once_and_keeps_what_became_of_it(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("copy a file", "a")])
    (first,) = catalog.reviews.list(docs)
    catalog.reviews.dismiss([first.id])
    catalog.reviews.add_many(docs, [entry(" Copy  a FILE", "a", 0.95, "mining, generation 2")])
    (again,) = catalog.reviews.list(docs)
    assert (again.id, again.state, again.score, again.source) == (
        first.id,
        ReviewState.DISMISSED,
        0.95,
        "mining, generation 2",
    )


def test_a_judgement_closes_the_entry_and_its_withdrawal_opens_it_again(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("q", "a"), entry("q", "b"), entry("p", "a")])
    said = catalog.judgements.add(docs, NewJudgement(" Q ", "a", grade=0, user="ann"))
    assert states(catalog, docs) == {("q", "a"): "judged", ("q", "b"): "open", ("p", "a"): "open"}
    catalog.judgements.withdraw(said)
    assert states(catalog, docs)["q", "a"] == "open"


def test_it_stays_judged_as_long_as_one_persons_judgement_holds(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("q", "a")])
    anns, bobs = (catalog.judgements.add(docs, NewJudgement("q", "a", grade=2, user=user)) for user in ("ann", "bob"))
    catalog.judgements.withdraw(anns)
    assert states(catalog, docs) == {("q", "a"): "judged"}
    catalog.judgements.withdraw(bobs)
    assert states(catalog, docs) == {("q", "a"): "open"}


def test_judgements_of_another_collection_do_not_count(catalog: Catalog, docs: int) -> None:
    faq = catalog.collections.create("faq").id
    catalog.reviews.add_many(docs, [entry("q", "a")])
    catalog.judgements.add(faq, NewJudgement("q", "a", grade=2, user="ann"))
    assert states(catalog, docs) == {("q", "a"): "open"}
    assert catalog.reviews.list(faq) == ()


def test_entries_are_counted_and_asked_for_by_state(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("q", name) for name in "abcd"])
    catalog.judgements.add(docs, NewJudgement("q", "a", grade=3, user="ann"))
    catalog.reviews.dismiss([catalog.reviews.list(docs, state=ReviewState.OPEN)[0].id])
    assert catalog.reviews.counts(docs) == {
        ReviewState.OPEN: 2,
        ReviewState.JUDGED: 1,
        ReviewState.DISMISSED: 1,
    }
    assert [one.document_id for one in catalog.reviews.list(docs, state=ReviewState.OPEN)] == ["c", "d"]


def test_an_unknown_number_dismisses_nothing(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("q", "a")])
    (known,) = catalog.reviews.list(docs)
    with pytest.raises(UnknownReview) as refused:
        catalog.reviews.dismiss([known.id, 99])
    assert str(refused.value) == "There is no entry 99 in a review list. List them to see their numbers."
    assert states(catalog, docs) == {("q", "a"): "open"}


def test_a_dropped_collection_takes_its_list_along(catalog: Catalog, docs: int) -> None:
    catalog.reviews.add_many(docs, [entry("q", "a")])
    catalog.collections.delete("docs")
    again = catalog.collections.create("docs").id
    assert catalog.reviews.list(docs) == catalog.reviews.list(again) == ()
