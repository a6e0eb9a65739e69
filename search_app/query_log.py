"""What people asked of each collection, so that it can be judged later.

A file of lines beside the catalogue, not in it: noting a query waits for no writer, and a query that is lost is no
loss. A file keeps the newest queries only and doesn't tell who asked; it may be deleted at any time.
"""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

from search_app.catalog.collections import slug_of
from search_app.catalog.judgements import query_key

_BYTES_MOST = 500_000  # some ten thousand queries; then the older half goes


class QueryLog:
    """The queries of one home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, collection: str, query: str) -> None:
        """Adds a query; where it can't be written, nothing is noted."""
        path = self._file(collection)
        with suppress(OSError):  # a full disk keeps nobody from searching
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(query)}\n")
            if path.stat().st_size > _BYTES_MOST:
                _drop_older_half(path)

    def queries(self, collection: str) -> list[str]:
        """Each query once as it was asked last: those asked most often first, then the newest."""
        asked = _read(self._file(collection))
        counts = Counter(map(query_key, asked))
        newest = {query_key(query): query for query in asked}
        places = {query_key(query): place for place, query in enumerate(asked)}
        return [newest[key] for key in sorted(counts, key=lambda key: (-counts[key], -places[key]))]

    def forget(self, collection: str) -> None:
        """Deletes what was asked of a collection."""
        with suppress(OSError):
            self._file(collection).unlink(missing_ok=True)

    def _file(self, collection: str) -> Path:
        return self._folder / f"{slug_of(collection)}.jsonl"


def _read(path: Path) -> list[str]:
    """The queries of a file in their order; a line that isn't whole is left out."""
    asked = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        with suppress(ValueError):
            asked.append(json.loads(line))
    return [query for query in asked if isinstance(query, str) and query.strip()]


def _drop_older_half(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    aside = path.with_suffix(".new")
    aside.write_text("".join(lines[len(lines) // 2 :]), encoding="utf-8")
    aside.replace(path)
