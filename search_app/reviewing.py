"""The review list for people: entries with what they say, to be judged by their number."""

from dataclasses import dataclass

from search_app.catalog import Catalog
from search_app.catalog.judgements import NewJudgement
from search_app.catalog.reviews import Review, ReviewState
from search_app.feedback import check_grade


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """An entry with title and text of its passage; both are empty where the passage is no longer there."""

    review: Review
    title: str
    text: str


def review_list(catalog: Catalog, collection: str, *, state: ReviewState | None, limit: int) -> tuple[ReviewEntry, ...]:
    """The entries in this state (None: in any), the most doubtful first.

    Raises:
        UnknownCollection: There is no such collection.
    """
    found = catalog.reviews.list(catalog.collections.get(collection).id, state=state, limit=limit)
    live = catalog.collections.live(collection)
    passages = catalog.documents.passages(live, [one.chunk_id for one in found]) if live else {}
    held = ((one, passages.get(one.chunk_id)) for one in found)
    return tuple(ReviewEntry(one, own.title, own.chunk.text) if own else ReviewEntry(one, "", "") for one, own in held)


def judge_review(catalog: Catalog, review_id: int, grade: int, *, user: str) -> int:
    """Writes down a judgement on an entry's document for its query; returns the judgement's number.

    Raises:
        UnknownReview: There is no such entry.
        UnknownDocument: The document was removed since.
        UsageError: The grade has no meaning.
    """
    check_grade(grade)
    one = catalog.reviews.get(review_id)
    catalog.documents.get(one.collection_id, one.document_id)
    judgement = NewJudgement(
        query=one.query,
        document_id=one.document_id,
        grade=grade,
        user=user,
        chunk_id=one.chunk_id,
        chunk_text_hash=one.chunk_text_hash,
    )
    return catalog.judgements.add(one.collection_id, judgement)
