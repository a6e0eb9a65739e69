"""Keeps uploaded files in the home, so that they can be read again later.

What was sent lies in `uploads/.content/` under its hash, once however often it comes; `uploads/<collection>/` has links
to it by name. A name from outside only ever becomes one harmless file name; a file is whole before it has its name.
"""

import hashlib
import re
import shutil
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from search_app.catalog.collections import slug_of
from search_app.errors import UsageError

_HARMFUL = re.compile(r"[^\w.() -]")
_SPARE_BYTES = 200_000_000  # for vectors and text that come of the files
_KEEPING = threading.Lock()  # sessions are threads of the server, and may bring the same file at the same moment
_STEM_CHARACTERS = 60  # at most 4 bytes each; file systems take 255 in all


class Upload(Protocol):
    """An uploaded file, as Streamlit gives it."""

    @property
    def name(self) -> str:
        """The name that the browser told."""

    def getbuffer(self) -> memoryview:
        """The bytes."""


def keep_uploads(shelf: Path, collection: str, uploads: Sequence[Upload]) -> Path:
    """Keeps the files on a shelf and returns the collection's folder; a file of the same name is replaced.

    Raises:
        UsageError: The disk has no room for them.
    """
    held = shelf / ".content"  # hidden: no ingest reads it
    folder = shelf / slug_of(collection)
    for one in (held, folder):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_room(folder, sum(upload.getbuffer().nbytes for upload in uploads))
    with _KEEPING:
        for upload in uploads:
            path = folder / safe_name(upload.name)
            aside = folder / f".{path.name}.part"  # hidden as well, until it is whole
            aside.unlink(missing_ok=True)
            aside.hardlink_to(_kept(held, upload.getbuffer()))
            aside.replace(path)
            aside.unlink(missing_ok=True)  # two links to one file: renaming one to the other leaves both
    return folder


def _kept(held: Path, content: memoryview) -> Path:
    """The file that holds just this, under its hash."""
    path = held / hashlib.sha256(content).hexdigest()
    if not path.exists():
        aside = path.with_suffix(".part")
        aside.write_bytes(content)
        aside.replace(path)
    return path


def _require_room(folder: Path, byte_count: int) -> None:
    free = shutil.disk_usage(folder).free
    if byte_count + _SPARE_BYTES > free:
        raise UsageError(
            f"The files have {byte_count / 1e6:,.0f} MB and the disk has {free / 1e6:,.0f} MB left. "
            "Free some space, or load them by their path."
        )


def safe_name(name: str) -> str:
    """A file name without folders and signs that mean something; a changed one carries a hash, so that none collide."""
    wanted = unicodedata.normalize("NFC", name)
    suffix = _HARMFUL.sub("", Path(wanted).suffix)[:12]
    stem = _HARMFUL.sub("_", wanted.removesuffix(Path(wanted).suffix)).strip(". ")[:_STEM_CHARACTERS]
    if stem and f"{stem}{suffix}" == wanted:
        return wanted
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{stem or 'file'}-{digest}{suffix}"
