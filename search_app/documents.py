"""The documents of a collection as a person sees them: a list, one with all that is known of it, and their removal."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.chunking import Chunk
from ingest.documents import Document
from ingest.sink import FileOutcome
from search_app.catalog import Catalog
from search_app.catalog.copies import Alias
from search_app.catalog.generations import Generation
from search_app.catalog.listing import DocumentState, ListedDocument, ListingFilter, Page
from search_app.errors import UnknownDocument

_PATTERN_SIGNS = frozenset("*?")


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document with its chunks in the live generation, its other names, and those that are nearly the same.

    `original_id` is the document that is searched in place of this one, if it is a copy.
    """

    document: Document
    state: DocumentState
    original_id: str | None
    chunks: tuple[Chunk, ...]
    aliases: tuple[Alias, ...]
    near: tuple[str, ...]


def reach_of(catalog: Catalog, generation: Generation) -> int:
    """How many tokens of a chunk the generation's encoder reads; no more than a chunk may have if it isn't known."""
    record = catalog.encoders.find(generation.encoder_name)
    return record.max_tokens if record is not None else generation.chunking.max_tokens


def list_documents(
    catalog: Catalog, generation: Generation, which: ListingFilter, page: Page
) -> tuple[ListedDocument, ...]:
    """A page of the documents and copies of the generation's collection."""
    return catalog.listing.page(generation, reach_of(catalog, generation), which, page)


def view_document(catalog: Catalog, generation: Generation, document_id: str) -> DocumentView:
    """All that is known of one document or copy.

    Raises:
        UnknownDocument: The collection holds neither with this id.
    """
    collection_id = generation.collection_id
    document = catalog.documents.get(collection_id, document_id)
    original_id = catalog.copies.originals(collection_id, [document_id]).get(document_id)
    own_id = original_id or document_id
    is_held = own_id in catalog.documents.held(generation.id, [own_id])
    passages = catalog.documents.passages_of(generation, [own_id]).get(own_id, [])
    return DocumentView(
        document,
        DocumentState.COMMITTED if is_held else DocumentState.PENDING,
        original_id,
        tuple(passage.chunk for passage in passages),
        catalog.copies.aliases(collection_id, [own_id]).get(own_id, ()),
        tuple(one for one in catalog.copies.near(collection_id, own_id) if one != own_id),
    )


def failed_files(catalog: Catalog, collection_id: int) -> tuple[FileOutcome, ...]:
    """The files of which the last ingest into the collection could not take in all, with the reasons."""
    latest = catalog.ingests.latest(collection_id)
    return catalog.files.failed(collection_id, since=latest.begun_at) if latest else ()


def find_documents(catalog: Catalog, collection_id: int, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of all documents and copies that ids, or patterns with * and ?, stand for.

    Raises:
        UnknownDocument: One of them stands for nothing.
    """
    known = catalog.listing.known_ids(collection_id, names)
    found: dict[str, None] = {}
    for name in names:
        is_pattern = name not in known and bool(_PATTERN_SIGNS.intersection(name))
        ids = catalog.listing.ids_like(collection_id, name) if is_pattern else (name,) if name in known else ()
        if not ids:
            raise UnknownDocument(
                f"The collection holds no document {name!r}. `twinsearch documents list` shows what there is."
            )
        found.update(dict.fromkeys(ids))
    return tuple(found)
