"""What every room of SearchApp works with: one home, opened, with its parts put together once.

Nothing connects to Milvus or loads an encoder here; the first verb that needs them does.
"""

import getpass
import os
from pathlib import Path
from typing import Any, Self

from search_app.catalog import Catalog
from search_app.catalog.users import User
from search_app.config import Home, Settings, find_home, load_settings
from search_app.encoders import Encoders
from search_app.engine import Engine
from search_app.explain import BestSentences
from search_app.gate.gate import Gate
from search_app.generations import Generations
from search_app.index import Milvus, Server, VectorIndex
from search_app.jobs import Jobs
from search_app.learning.loop import Learner
from search_app.query_log import QueryLog
from search_app.reclaiming import Soak
from search_app.reindexing import Reindexer
from search_app.search import Searcher
from search_app.teaching import Teacher
from search_app.tuning import Tuner
from search_app.vectors import VectorCache


class Wiring:
    """One home, opened."""

    def __init__(self, home: Home, settings: Settings) -> None:
        home.make()
        self.home = home
        self.settings = settings
        self.acting: User | None = None  # whoever opened the home, who may do everything
        self.catalog = Catalog(home.catalog_file)
        self.vector_cache = VectorCache(home.vectors_file)
        self.engine = Engine(home.engine_folder, idle_seconds=settings.engine_idle_seconds)
        self.index = VectorIndex(
            self._milvus(), timeout_seconds=settings.milvus_timeout_seconds, settings=settings.index
        )
        self.encoders = Encoders(self.catalog, self.vector_cache, home, settings)
        self.generations = Generations(self.catalog, self.index, self.vector_cache, step_chunks=settings.flush_chunks)
        self.jobs = Jobs(self.catalog, home, milvus_uri=settings.milvus_uri, niceness=settings.job_niceness)
        self.searcher = Searcher(self.catalog, self.index, self.encoders)
        self.query_log = QueryLog(home.queries_folder)
        self.best_sentences = BestSentences(self.catalog, self.encoders)
        self.gate = Gate(self.catalog, self.index, self.encoders, self.searcher)
        self.soak = Soak(self.catalog, self.index, home.locks_folder, settings.soak_days)
        self.reindexer = Reindexer(self.catalog, self.generations, self.encoders, self.gate, self.soak, home)
        self.tuner = Tuner(self.catalog, self.searcher)
        self.teacher = Teacher(self.catalog, self.index, self.encoders, settings)
        self.learner = Learner(self.catalog, self.encoders, self.teacher, self.reindexer, self.searcher, home)

    @classmethod
    def open(cls, home: Path | None = None, **flags: Any) -> Self:
        """Opens a home, with settings from flags, environment and config.toml."""
        found = find_home(home)
        return cls(found, load_settings(found, flags))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is open; the engine goes on for others until it is idle."""
        self.index.close()
        self.vector_cache.close()
        self.catalog.close()

    @property
    def user(self) -> str:
        """Who judges: whoever acts, else the setting, else the login name, else its number."""
        if self.acting is not None:
            return self.acting.name
        return self.settings.user or _login_name()

    def _milvus(self) -> Milvus:
        """The server that is set, else the embedded one."""
        if not self.settings.milvus_uri:
            return self.engine
        return Server(self.settings.milvus_uri, self.settings.milvus_token.get_secret_value())


def _login_name() -> str:
    """The login name; in a container that runs under a number, which nobody there has, the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return str(os.getuid())
