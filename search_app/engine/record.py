"""What a running engine leaves on disk, and whether it still runs.

A process id alone proves nothing: the system gives it to another process later. So a record also holds
the process' beginning, and both must fit before anybody takes the engine as running or sends it a signal.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from search_app.liveness import lives


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """A running engine: its process, its beginning as in `search_app.liveness`, and its address."""

    pid: int
    created: float
    address: str


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """The names of everything in the engine's folder."""

    folder: Path

    @property
    def data(self) -> Path:
        """Milvus Lite's own folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Where the engine prints."""
        return self.folder / "engine.log"

    @property
    def record(self) -> Path:
        """The `EngineRecord` of the engine that serves; absent while none does."""
        return self.folder / "engine.json"

    @property
    def touched(self) -> Path:
        """An empty file; its modification time is the last call of a client."""
        return self.folder / "touched"

    @property
    def start_lock(self) -> Path:
        """Held by whoever starts or stops the engine, and by an engine that ends because it is idle."""
        return self.folder / "start.lock"

    @property
    def write_lock(self) -> Path:
        """Held during each write, by whichever process writes."""
        return self.folder / "write.lock"


def is_running(record: EngineRecord) -> bool:
    """Whether the recorded process, and not a later one with its number, runs."""
    return lives(record.pid, record.created)


def read_record(files: EngineFiles) -> EngineRecord | None:
    """The record on disk; None when there is none or it can't be read (a half-written one is no engine)."""
    try:
        return EngineRecord(**json.loads(files.record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(files: EngineFiles, record: EngineRecord) -> None:
    """Put the record on disk in one step."""
    fresh = files.record.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record)), encoding="utf-8")
    fresh.replace(files.record)
