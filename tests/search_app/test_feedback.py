"""A judgement keeps what was shown, and goes in and out in the layout of BEIR."""

import json
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import QueryError, UnknownCollection, UnknownDocument, UnknownJudgement, UsageError
from search_app.evaluation import read_qrels
from search_app.feedback import qrels_of, text_hash
from search_app.requests import IngestRequest, ReindexRequest


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    return app


def judge_as(app: SearchApp, user: str, grade: int, document: str = "cat", query: str = "kitten") -> int:
    judgement = NewJudgement(query, f"notes/{document}.txt", grade=grade, user=user)
    return app.catalog.judgements.add(app.catalog.collections.get("docs").id, judgement)


def test_a_judgement_by_hand_holds_query_document_grade_and_user(filled: SearchApp) -> None:
    number = filled.judge("kitten", "notes/cat.txt", 3)
    (held,) = filled.judgements()
    assert (held.id, held.query, held.document_id, held.grade, held.user) == (
        number,
        "kitten",
        "notes/cat.txt",
        3,
        "ann",
    )
    assert (held.rank, held.shown, held.generation_number) == (None, (), None)


def test_a_judged_hit_holds_what_was_shown_at_what_rank_by_which_generation(filled: SearchApp) -> None:
    result = filled.search("kitten hound", k=3)
    filled.judge_hit(result, 2, 0)
    (held,) = filled.judgements()
    hit = result.hits[1]
    assert (held.document_id, held.chunk_id, held.chunk_text_hash) == (hit.document_id, hit.chunk_id, text_hash("dog"))
    assert (held.rank, held.grade, held.generation_number, held.mode) == (2, 0, 1, "hybrid")
    assert held.shown == tuple(one.document_id for one in result.hits)


@pytest.mark.parametrize("rank", [0, 5, -1])
def test_a_rank_that_was_not_shown_can_not_be_judged(filled: SearchApp, rank: int) -> None:
    result = filled.search("kitten")
    with pytest.raises(UsageError) as refused:
        filled.judge_hit(result, rank, 1)
    assert str(refused.value) == f"The result has 4 hits; there is none at rank {rank}."
    assert filled.judgements() == ()


@pytest.mark.parametrize("grade", [-1, 4])
def test_a_grade_without_a_meaning_is_refused_with_those_that_have_one(filled: SearchApp, grade: int) -> None:
    with pytest.raises(UsageError) as refused:
        filled.judge("kitten", "notes/cat.txt", grade)
    assert str(refused.value) == (
        f"The grade {grade} has no meaning; choose 0 (not an answer), 1 (touches it), 2 (answers it), "
        "3 (the best answer)."
    )


def test_what_can_not_be_judged_is_told(filled: SearchApp) -> None:
    with pytest.raises(UnknownDocument, match=r"^The collection holds no document 'notes/no\.txt'\."):
        filled.judge("kitten", "notes/no.txt", 1)
    with pytest.raises(UnknownCollection):
        filled.judge("kitten", "notes/cat.txt", 1, collection="faq")
    with pytest.raises(QueryError):
        filled.judge(" ", "notes/cat.txt", 1)
    with pytest.raises(UnknownJudgement):
        filled.withdraw(1)
    assert filled.judgements() == ()


def test_a_judgement_can_be_taken_back(filled: SearchApp) -> None:
    filled.withdraw(filled.judge("kitten", "notes/cat.txt", 3))
    assert filled.judgements() == ()


def test_a_judgement_survives_a_reindex_and_a_switch(filled: SearchApp) -> None:
    filled.judge_hit(filled.search("kitten"), 1, 3)
    before = filled.judgements()
    filled.reindex(ReindexRequest("docs", "literal", switch=True, force=True))
    assert filled.judgements() == before


def test_where_people_differ_the_lower_median_counts(filled: SearchApp) -> None:
    for user, grade in (("ann", 3), ("bob", 0), ("eve", 2)):
        judge_as(filled, user, grade)
    for user, grade in (("ann", 3), ("bob", 1)):
        judge_as(filled, user, grade, document="dog")
    assert qrels_of(filled.judgements()) == {"kitten": {"notes/cat.txt": 2, "notes/dog.txt": 1}}


def test_a_query_that_people_spell_differently_is_one(filled: SearchApp) -> None:
    for user, grade, query in (("ann", 3, "Kitten "), ("bob", 1, "kitten")):
        judge_as(filled, user, grade, query=query)
    assert qrels_of(filled.judgements()) == {"Kitten ": {"notes/cat.txt": 1}}


def test_a_persons_last_word_counts(filled: SearchApp) -> None:
    judge_as(filled, "ann", 3)
    judge_as(filled, "ann", 0)
    assert qrels_of(filled.judgements()) == {"kitten": {"notes/cat.txt": 0}}


@pytest.mark.parametrize("split", list(Split))
def test_imported_judgements_come_out_as_they_went_in(
    filled: SearchApp, judged: tuple[Path, Path], tmp_path: Path, split: Split
) -> None:
    assert filled.import_judgements(*judged, split=split) == 8
    queries, *parts = filled.export_judgements(tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in parts] == ["qrels/train.tsv", "qrels/heldout.tsv"]
    written = {part: read_qrels(queries, path) for part, path in zip(Split, parts, strict=True)}
    other = next(one for one in Split if one is not split)
    assert written == {split: read_qrels(*judged), other: {}}


def test_importing_twice_changes_nothing(filled: SearchApp, judged: tuple[Path, Path]) -> None:
    filled.import_judgements(*judged)
    before = qrels_of(filled.judgements())
    filled.import_judgements(*judged)
    assert qrels_of(filled.judgements()) == before


def test_judgements_of_another_collection_are_refused(
    app: SearchApp, tmp_path: Path, judged: tuple[Path, Path]
) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"_id": "1", "text": "cat"}) + "\n")
    app.ingest(IngestRequest((str(path),)))
    with pytest.raises(UnknownDocument) as refused:
        app.import_judgements(*judged)
    assert str(refused.value) == (
        "Collection 'docs' holds none of the 4 judged documents. Name the collection that was judged with -c, or "
        "ingest its documents first."
    )
    assert app.judgements() == ()


def test_a_grade_out_of_range_imports_nothing(filled: SearchApp, judged: tuple[Path, Path]) -> None:
    queries, qrels = judged
    qrels.write_text(qrels.read_text().replace("rain.txt\t1", "rain.txt\t9"))
    with pytest.raises(UsageError, match=r"^The grade 9 has no meaning;"):
        filled.import_judgements(queries, qrels)
    assert filled.judgements() == ()
