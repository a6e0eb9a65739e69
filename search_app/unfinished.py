"""Knows whether the last ingest into a collection ended without a word.

Such an end loses nothing that was committed. It may leave vectors that the catalogue doesn't know, so whoever writes
next checks the collection first.
"""

from search_app.catalog import Catalog
from search_app.catalog.collections import Collection
from search_app.catalog.ingests import IngestRun
from search_app.liveness import lives


def unfinished_ingest(catalog: Catalog, collection: Collection) -> IngestRun | None:
    """The last ingest into the collection, if it has no end and its process is gone."""
    run = catalog.ingests.latest(collection.id)
    if run is None or run.ended_at is not None or lives(run.pid, run.pid_started):
        return None
    return run


def unfinished_sentence(run: IngestRun, name: str) -> str:
    """What a person is told about it."""
    return (
        f"The last ingest into {name!r} (process {run.pid}) was stopped in the middle, with {run.committed:,} of "
        f"{run.discovered - run.unchanged:,} documents committed. The next one checks the collection, then goes on."
    )
