"""Shows the documents of a collection, and takes single ones out."""

from collections.abc import Sequence

from ingest.progress import unheard
from ingest.sink import FileOutcome
from search_app.app.loading import Loading
from search_app.catalog.generations import Generation
from search_app.catalog.listing import ListedDocument, ListingFilter, Page
from search_app.config import DEFAULT_COLLECTION
from search_app.documents import DocumentView, failed_files, find_documents, list_documents, view_document
from search_app.errors import QueryError

_ALL = ListingFilter()
_FIRST = Page()


class Documents(Loading):
    """The verbs about single documents."""

    def documents(
        self, collection: str = DEFAULT_COLLECTION, which: ListingFilter = _ALL, page: Page = _FIRST
    ) -> tuple[ListedDocument, ...]:
        """A page of the collection's documents and copies, with what became of each."""
        return list_documents(self.catalog, self._live(collection), which, page)

    def document(self, document_id: str, collection: str = DEFAULT_COLLECTION) -> DocumentView:
        """One document with its chunks, its copies, and those that are nearly the same.

        Raises:
            UnknownDocument: The collection holds none with this id.
        """
        return view_document(self.catalog, self._live(collection), document_id)

    def failed_files(self, collection: str = DEFAULT_COLLECTION) -> tuple[FileOutcome, ...]:
        """The files of which the last ingest could not take in all, with the reasons.

        Raises:
            UnknownCollection: Nothing has that name.
        """
        return failed_files(self.catalog, self.catalog.collections.get(collection).id)

    def find_documents(self, names: Sequence[str], collection: str = DEFAULT_COLLECTION) -> tuple[str, ...]:
        """The ids that ids, or patterns with * and ?, stand for.

        Raises:
            UnknownDocument: One of them stands for nothing.
        """
        return find_documents(self.catalog, self._live(collection).collection_id, names)

    def remove_documents(self, document_ids: Sequence[str], collection: str = DEFAULT_COLLECTION) -> int:
        """Removes documents with their text, words and vectors, cached ones too; how many there were.

        Where one goes that has copies in other files, one of these takes its place. A file that stays where it is
        comes in again with the next ingest.

        Raises:
            CollectionInUse: Another process writes to the collection.
        """
        with self._written_to(collection, unheard):
            return self.generations.writer(self._live(collection)).remove(document_ids)

    def _live(self, collection: str) -> Generation:
        live = self.catalog.collections.live(collection)
        if live is None:
            raise QueryError(
                f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
            )
        return live
