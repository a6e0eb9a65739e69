"""Removes the documents that have vanished from the given paths: with their file, or from one that was read to its end.

Where nobody can tell whether something is gone, it stays. A folder with nothing in it may be a disk that isn't there.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ingest.cleaning import clean_path
from ingest.discovery import Discovery
from ingest.naming import is_gone
from ingest.seen import Seen
from ingest.sink import Failure, Sink


@dataclass(slots=True)
class Unknown:
    """What a run couldn't look at: ids of documents, and files and folders."""

    ids: set[str] = field(default_factory=set)
    paths: set[Path] = field(default_factory=set)


def prune(sink: Sink, discovery: Discovery, seen: Seen, unknown: Unknown) -> tuple[int, list[Failure]]:
    """How many documents were removed, and a failure for each empty folder that has kept its own."""
    roots, empty = _cleaned(discovery.roots), _cleaned(discovery.empty)
    folders = _cleaned([one.folder for one in discovery.patterns])
    spared: Counter[Path] = Counter()

    def is_kept(document_id: str, origin: str) -> bool:
        """Whether it was found, or nobody can tell that it is gone."""
        is_asked = _above(origin, roots) is not None or discovery.matches(Path(origin))
        is_hidden = document_id in unknown.ids or _above(origin, unknown.paths) is not None
        is_known = is_asked and not is_hidden and (seen.is_read(origin) or is_gone(origin))
        if not is_known or seen.is_kept(document_id, origin):
            return True
        folder = _above(origin, empty)
        if folder is not None:
            spared[folder] += 1
        return folder is not None

    removed = sink.prune(sorted(map(str, roots | folders)), is_kept)
    return removed, [_told(folder, count) for folder, count in sorted(spared.items())]


def _cleaned(paths: Collection[Path]) -> set[Path]:
    return {Path(clean_path(str(path))) for path in paths}


def _above(origin: str, paths: Collection[Path]) -> Path | None:
    """The path itself or a folder above it, if that is one of these."""
    if not paths:
        return None
    return next((above for above in (Path(origin), *Path(origin).parents) if above in paths), None)


def _told(folder: Path, count: int) -> Failure:
    return Failure(
        str(folder),
        f"The folder {str(folder)!r} is empty, as one is whose disk isn't there, so nothing was removed of it: "
        f"{count:,} document{'' if count == 1 else 's'}. If it shall be so, run `twinsearch documents remove`.",
    )
