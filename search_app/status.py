"""What there is: collections, generations, encoders, jobs, the engine; read from the catalogue, cheap to ask."""

from dataclasses import dataclass

from search_app.catalog import Catalog
from search_app.catalog.collections import Collection
from search_app.catalog.generations import Generation
from search_app.catalog.judgements import JudgementCounts
from search_app.engine import EngineStatus
from search_app.jobs import JobView


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """A collection with its counts; `live` is None before the first ingest."""

    name: str
    document_count: int
    chunk_count: int
    judgements: JudgementCounts
    live: Generation | None
    generations: tuple[Generation, ...]


def collection_status(catalog: Catalog, collection: Collection) -> CollectionStatus:
    """The counts and generations of a collection."""
    live = catalog.collections.live(collection.name)
    return CollectionStatus(
        name=collection.name,
        document_count=catalog.documents.count(collection.id),
        chunk_count=catalog.documents.chunk_count(live.id) if live else 0,
        judgements=catalog.judgements.counts(collection.id),
        live=live,
        generations=catalog.generations.list(collection.id),
    )


@dataclass(frozen=True, slots=True)
class Status:
    """All that a home holds; `engine` is None when a Milvus server is used."""

    home: str
    milvus_uri: str
    collections: tuple[CollectionStatus, ...]
    jobs: tuple[JobView, ...]
    engine: EngineStatus | None
