"""Tells whether a file must be read again, without opening it.

A stamp is made before the file is read, so a change during or after the reading shows. Where the file changed
so lately that a further change might leave its time as it is, there is no stamp, and the file is read again.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ingest.chunking import ChunkingSettings
from ingest.sandbox.ahead import ParsingSettings

_COARSEST_CLOCK_SECONDS = 2.0  # FAT keeps times to two seconds
_PARSERS = (
    "charset-normalizer",
    "lxml",
    "openpyxl",
    "pyarrow",
    "pypdfium2",
    "python-docx",
    "python-pptx",
    "trafilatura",
)


def stamp_of(path: Path, reading_key: str, clock: Callable[[], float] = time.time) -> str:
    """What would change with the file's content or with how it is read; empty where nothing can be said."""
    try:
        status = path.stat()
    except OSError:  # reading it tells the reason
        return ""
    if clock() - status.st_mtime < _COARSEST_CLOCK_SECONDS:
        return ""
    parts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return f"{reading_key}:{':'.join(map(str, parts))}"


def reading_key(parsing: ParsingSettings, chunking: ChunkingSettings) -> str:
    """A short hash of all but the file that decides what is read of it.

    That is: limits and columns, the room that chunks leave for titles, our readers, and the libraries they use.
    """
    settings = {**asdict(parsing), "parser_count": None}
    whole = json.dumps([settings, chunking.key, _readers_key()], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


@cache
def _readers_key() -> str:
    whole = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        whole.update(path.read_bytes())
    for name in _PARSERS:
        whole.update(f"{name} {version(name)}".encode())
    return whole.hexdigest()
