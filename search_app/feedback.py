"""Judgements by hand and from elsewhere, and what they say together.

A judgement hangs on its query, its document and the text that was shown, never on a row of Milvus, so it
survives every re-index. Held-out queries never become training examples.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from search_app.catalog import Catalog
from search_app.catalog.judgements import Judgement, NewJudgement, Split, query_key
from search_app.errors import UnknownDocument, UsageError
from search_app.evaluation import Qrels
from search_app.search import SearchResult, check_query

GRADES = {0: "not an answer", 1: "touches it", 2: "answers it", 3: "the best answer"}


def judge(catalog: Catalog, query: str, document_id: str, grade: int, *, collection: str, user: str) -> int:
    """Writes down a judgement that was made without a result page; returns its number.

    Raises:
        UnknownDocument: The collection holds no such document.
        UsageError: The grade is none of GRADES.
    """
    check_query(query)
    check_grade(grade)
    collection_id = catalog.collections.get(collection).id
    catalog.documents.get(collection_id, document_id)
    return catalog.judgements.add(collection_id, NewJudgement(query, document_id, grade=grade, user=user))


def judge_hit(catalog: Catalog, result: SearchResult, rank: int, grade: int, *, user: str) -> int:
    """Writes down a judgement of the hit at `rank` (from 1) of a result, with all that was shown; its number.

    Raises:
        UsageError: The grade is none of GRADES, or the result has no such rank.
    """
    check_grade(grade)
    hit = next((one for one in result.hits if one.rank == rank), None)
    if hit is None:
        raise UsageError(f"The result has {len(result.hits)} hits; there is none at rank {rank}.")
    return catalog.judgements.add(
        catalog.collections.get(result.collection).id,
        NewJudgement(
            query=result.query,
            document_id=hit.document_id,
            grade=grade,
            user=user,
            chunk_id=hit.chunk_id,
            chunk_text_hash=text_hash(hit.text),
            generation_number=result.generation,
            mode=result.mode,
            rank=rank,
            shown=tuple(one.document_id for one in result.hits),
        ),
    )


def check_grade(grade: int) -> None:
    """Refuses a grade that has no meaning.

    Raises:
        UsageError: It is none of GRADES.
    """
    if grade not in GRADES:
        meanings = ", ".join(f"{number} ({meaning})" for number, meaning in GRADES.items())
        raise UsageError(f"The grade {grade} has no meaning; choose {meanings}.")


def text_hash(text: str) -> str:
    """SHA-256 of a passage as it was shown."""
    return hashlib.sha256(text.encode()).hexdigest()


def import_judgements(
    catalog: Catalog, collection: str, new: Sequence[NewJudgement], *, split: Split | None, user: str
) -> int:
    """Takes in judgements that were made elsewhere; returns how many.

    Args:
        catalog: Of the home.
        collection: Whose documents were judged.
        new: The judgements; one that names no person is `user`'s.
        split: Where their queries belong if they are new here; None: as each judgement says, else as usual.
        user: Who brings them.

    Raises:
        UsageError: A grade is out of range.
        QueryError: A query is empty or too long.
        UnknownDocument: None of the judged documents is in the collection.
    """
    for one in new:
        check_query(one.query)
        check_grade(one.grade)
    _refuse_foreign(catalog, collection, {one.document_id for one in new})
    collection_id = catalog.collections.get(collection).id
    named = [replace(one, user=one.user or user, split=split or one.split) for one in new]
    return len(catalog.judgements.add_many(collection_id, named))


def _refuse_foreign(catalog: Catalog, collection: str, document_ids: Collection[str]) -> None:
    """Raise UnknownDocument when the collection has none of the documents: then another one was meant."""
    live = catalog.collections.live(collection)
    if live is None or not catalog.documents.held(live.id, sorted(document_ids)):
        raise UnknownDocument(
            f"Collection {collection!r} holds none of the {len(document_ids):,} judged documents. "
            "Name the collection that was judged with -c, or ingest its documents first."
        )


def qrels_of(judgements: Iterable[Judgement]) -> Qrels:
    """Grades by query and document; where people differ, the lower median of their grades counts."""
    return {query: grades for (query, _), grades in grades_by_query(judgements).items()}


def grades_by_query(judgements: Iterable[Judgement]) -> dict[tuple[str, Split], dict[str, int]]:
    """Grades by query and split, and by document, as in `qrels_of`; a query is spelled as it was first."""
    spelled: dict[str, str] = {}
    voices: dict[tuple[str, Split], dict[str, list[int]]] = {}
    for one in judgements:
        if one.grade is not None:
            query = spelled.setdefault(query_key(one.query), one.query)
            voices.setdefault((query, one.split), {}).setdefault(one.document_id, []).append(one.grade)
    return {
        key: {document_id: sorted(grades)[(len(grades) - 1) // 2] for document_id, grades in documents.items()}
        for key, documents in voices.items()
    }


def at_originals(catalog: Catalog, collection_id: int, qrels: Qrels) -> Qrels:
    """The grades of exact copies at the documents that are searched for them; the best one where both have one."""
    ids = sorted({document_id for grades in qrels.values() for document_id in grades})
    originals = catalog.copies.originals(collection_id, ids)
    return {query: _moved(grades, originals) for query, grades in qrels.items()}


def _moved(grades: Mapping[str, int], originals: Mapping[str, str]) -> dict[str, int]:
    moved: dict[str, int] = {}
    for document_id, grade in grades.items():
        own = originals.get(document_id, document_id)
        moved[own] = max(grade, moved.get(own, grade))
    return moved
