"""Looks over the engine's folder before it is opened: what is damaged there never answers a query.

Milvus Lite takes a lost segment for one without rows, and refuses everything because of one file that it can't read.
So a collection with a lost or unreadable file goes as a whole: a check finds that it is missing, and a repair builds
it again from the catalogue. What a crash may leave behind (a torn log, a half-written copy of vectors) is no damage.
A file that this user may not read is none either: it ends the start, with its name.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

_UNREADABLE = (FileNotFoundError, EOFError, ValueError, KeyError, TypeError, AttributeError, pyarrow.ArrowException)


def remove_damaged(data: Path) -> Iterator[str]:
    """Take out of a closed data folder what can't be used, and tell each time what was wrong.

    Args:
        data: Milvus Lite's own folder, which no process has open.

    Raises:
        OSError: A file can't be looked at.
    """
    aliases = data / "aliases.json"
    if aliases.exists() and (reason := _reason(_json_object, aliases)):
        aliases.unlink()
        yield f"The aliases are gone: {reason}."
    for collection in sorted((data / "collections").glob("*/")):
        if reason := _reason(_look_over, collection):
            shutil.rmtree(collection)
            yield f"The collection {collection.name} is gone: {reason}."


def _look_over(collection: Path) -> None:
    """Read what the collection can't do without; vectors that are kept a second time are left out if torn."""
    _json_object(collection / "schema.json")
    for file in _segments(collection):
        pyarrow.parquet.read_metadata(file)
    for copy in collection.glob("partitions/*/indexes/*.idx"):
        if _reason(_numbers, copy):
            copy.unlink()  # it is written anew when the collection is loaded


def _segments(collection: Path) -> Iterator[Path]:
    """The files of rows and of deletions that the collection names as its own."""
    manifest = collection / "manifest.json"
    written = list(collection.glob("partitions/*/data/*.parquet"))
    if not manifest.exists() and not written and not manifest.with_suffix(".json.prev").exists():
        return  # it was just made
    for name, partition in _json_object(manifest)["partitions"].items():
        for file in (*partition["data_files"], *partition["delta_files"]):
            yield collection / "partitions" / name / file


def _json_object(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object")
    return found


def _numbers(path: Path) -> int:
    """How many rows a file of numpy has; its size is compared with what it should be."""
    return len(np.load(path, mmap_mode="r", allow_pickle=False))


def _reason(look: Callable[[Path], object], path: Path) -> str:
    """Why something can't be read; "" if it can."""
    try:
        look(path)
    except _UNREADABLE as error:
        return " ".join(str(error).split())[:300] or type(error).__name__
    return ""
