"""What there is: collections, generations, encoders, jobs, the engine; read from the catalogue, cheap to ask."""

from dataclasses import dataclass

from ingest.sink import FileOutcome
from search_app.catalog import Catalog
from search_app.catalog.collections import Collection
from search_app.catalog.generations import Generation
from search_app.catalog.ingests import IngestRun
from search_app.catalog.judgements import JudgementCounts
from search_app.documents import failed_files, reach_of
from search_app.engine import EngineStatus
from search_app.jobs import JobView
from search_app.unfinished import unfinished_ingest, unfinished_sentence


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """A collection with its counts; `live` is None before the first ingest.

    `document_count` leaves out aliases, the exact copies in other files. `truncated_tokens` are those of the live
    generation's chunks that its encoder never saw. `ingest` is the latest one, with how many documents have come how
    far, and `failed_files` are those of which it could not take in all; `unfinished` is a sentence if it was stopped.
    """

    name: str
    document_count: int
    alias_count: int
    chunk_count: int
    truncated_tokens: int
    judgements: JudgementCounts
    live: Generation | None
    generations: tuple[Generation, ...]
    ingest: IngestRun | None
    unfinished: str | None
    failed_files: tuple[FileOutcome, ...]


def collection_status(catalog: Catalog, collection: Collection) -> CollectionStatus:
    """The counts and generations of a collection."""
    live = catalog.collections.live(collection.name)
    latest = catalog.ingests.latest(collection.id)
    left = unfinished_ingest(catalog, collection)
    return CollectionStatus(
        name=collection.name,
        document_count=catalog.documents.count(collection.id),
        alias_count=catalog.copies.count(collection.id),
        truncated_tokens=catalog.listing.truncated_tokens(live, reach_of(catalog, live)) if live else 0,
        chunk_count=catalog.documents.chunk_count(live.id) if live else 0,
        judgements=catalog.judgements.counts(collection.id),
        live=live,
        generations=catalog.generations.list(collection.id),
        ingest=latest,
        unfinished=unfinished_sentence(left, collection.name) if left else None,
        failed_files=failed_files(catalog, collection.id),
    )


@dataclass(frozen=True, slots=True)
class Status:
    """All that a home holds; `engine` is None when a Milvus server is used."""

    home: str
    milvus_uri: str
    collections: tuple[CollectionStatus, ...]
    jobs: tuple[JobView, ...]
    engine: EngineStatus | None
