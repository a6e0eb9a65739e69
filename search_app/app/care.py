"""Tells how things stand, and mends them."""

from ingest.progress import Report, unheard
from search_app.app.wiring import Wiring
from search_app.checking import Checker, CheckReport
from search_app.clusters import Topics, find_topics
from search_app.encoders import Encoders
from search_app.index_health import IndexHealth, examine
from search_app.locks import building, writing
from search_app.status import Status, collection_status


class Care(Wiring):
    """The verbs that look after a home."""

    def status(self) -> Status:
        """Collections, jobs and the engine, from the catalogue."""
        engine = None if self.settings.milvus_uri else self.engine.status()
        collections = tuple(collection_status(self.catalog, one) for one in self.catalog.collections.list())
        return Status(str(self.home.path), self.settings.milvus_uri, collections, tuple(self.jobs.views()), engine)

    def check(self, *, is_repairing: bool = False, report: Report = unheard) -> CheckReport:
        """Compares the catalogue with Milvus and the encoders, and mends what can be mended if asked.

        Raises:
            CatalogError: The catalogue itself is damaged.
        """
        self.catalog.examine()
        as_on_disk = Encoders(self.catalog, self.vector_cache, self.home, self.settings)
        checker = Checker(self.catalog, self.index, as_on_disk)
        names = [one.name for one in self.catalog.collections.list()]
        if not is_repairing:
            return CheckReport((), tuple(finding for name in names for finding in checker.check(name)))
        reports = [self._repair(checker, name, report) for name in names]
        return CheckReport(
            tuple(finding for one in reports for finding in one.mended),
            tuple(finding for one in reports for finding in one.remaining),
        )

    def index_health(self, collection: str, query_count: int = 100, report: Report = unheard) -> IndexHealth:
        """How well the index over a collection's vectors finds what comparing every one of them finds."""
        return examine(self.catalog, self.index, collection, query_count, report)

    def clusters(self, collection: str, count: int | None = None, *, seed: int = 0, report: Report = unheard) -> Topics:
        """Groups a collection's passages by their vectors; `count` topics, or as many as are best apart."""
        return find_topics(self.catalog, self.index, collection, count=count, seed=seed, report=report)

    def _repair(self, checker: Checker, collection: str, report: Report) -> CheckReport:
        with writing(self.home.locks_folder, collection), building(self.home.locks_folder, collection):
            return checker.repair(collection, report)
