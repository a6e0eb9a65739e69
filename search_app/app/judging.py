"""Writes down what people think of the answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from search_app import feedback
from search_app.agreement import Agreement, agreement_of
from search_app.app.guarding import require_own
from search_app.app.wiring import Wiring
from search_app.catalog.judgements import Judgement, Split
from search_app.catalog.reviews import ReviewState
from search_app.config import DEFAULT_COLLECTION
from search_app.errors import UsageError
from search_app.judgement_files import read_judgements, write_judgements
from search_app.reviewing import ReviewEntry, judge_review, review_list
from search_app.search import SearchResult


class Judging(Wiring):
    """The verbs about judgements."""

    def judge(self, query: str, document_id: str, grade: int, *, collection: str = DEFAULT_COLLECTION) -> int:
        """Writes down how well a document answers a query, 0 to 3; returns the judgement's number."""
        return feedback.judge(self.catalog, query, document_id, grade, collection=collection, user=self.user)

    def judge_hit(self, result: SearchResult, rank: int, grade: int) -> int:
        """Writes down how well the hit at `rank` answers, with all that was shown; the judgement's number."""
        return feedback.judge_hit(self.catalog, result, rank, grade, user=self.user)

    def withdraw(self, judgement_id: int) -> int:
        """Takes a judgement back; the row stays, with a later one, whose number this is, that withdraws it.

        Raises:
            Forbidden: Somebody else made it, and whoever asks is no admin.
        """
        require_own(self.acting, self.catalog.judgements.get(judgement_id))
        return self.catalog.judgements.withdraw(judgement_id)

    def judgements(self, collection: str = DEFAULT_COLLECTION, *, query: str | None = None) -> Sequence[Judgement]:
        """The judgements that count: the latest of each person on each document for each query, or for this one."""
        return self.catalog.judgements.current(self.catalog.collections.get(collection).id, query=query)

    def asked_queries(self, collection: str = DEFAULT_COLLECTION) -> list[str]:
        """What people asked through the page, each query once: those asked most often first, then the newest."""
        return self.query_log.queries(self.catalog.collections.get(collection).name)

    def agreement(self, collection: str = DEFAULT_COLLECTION) -> Agreement:
        """How far people agree on what both judged, and where they contradict each other."""
        return agreement_of(self.judgements(collection))

    def import_judgements(
        self,
        queries: Path | None,
        judged: Path,
        *,
        collection: str = DEFAULT_COLLECTION,
        split: Split | None = None,
        form: str = "beir",
    ) -> int:
        """Takes in judgements from files of one of `judgement_files.FORMS`; returns how many they held.

        In a file that somebody else than the home's owner brings, all of them are that person's own.

        Raises:
            UsageError: A file can't be read, or holds none.
            UnknownDocument: None of the judged documents is in the collection.
        """
        new = read_judgements(form, judged, queries)
        if not new:
            raise UsageError(f"{str(judged)!r} holds no judgements.")
        if self.acting is not None:
            new = [replace(one, user="") for one in new]
        return feedback.import_judgements(self.catalog, collection, new, split=split, user=self.user)

    def export_judgements(
        self, folder: Path, *, collection: str = DEFAULT_COLLECTION, form: str = "beir"
    ) -> tuple[Path, ...]:
        """Writes the judgements in one of `judgement_files.FORMS`; returns the files."""
        return write_judgements(form, self.judgements(collection), folder)

    def reviews(
        self, collection: str = DEFAULT_COLLECTION, *, state: ReviewState | None = ReviewState.OPEN, limit: int = 100
    ) -> tuple[ReviewEntry, ...]:
        """Passages that may be answers though nobody judged them, the most doubtful first; None is any state."""
        return review_list(self.catalog, collection, state=state, limit=limit)

    def judge_review(self, review_id: int, grade: int) -> int:
        """Judges an entry of the review list, which closes it; returns the judgement's number."""
        return judge_review(self.catalog, review_id, grade, user=self.user)

    def dismiss_reviews(self, review_ids: Sequence[int]) -> None:
        """Takes entries off the review list without a judgement."""
        self.catalog.reviews.dismiss(review_ids)
