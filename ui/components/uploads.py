"""Keeps uploaded files in the home, below `uploads/<collection>/`, so that they can be read again later.

A name from outside only ever becomes one harmless file name; a file is whole before it has its name.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from search_app.catalog.collections import slug_of
from search_app.config import Home

_HARMFUL = re.compile(r"[^\w.() -]")
_STEM_CHARACTERS = 60  # at most 4 bytes each; file systems take 255 in all


class Upload(Protocol):
    """An uploaded file, as Streamlit gives it."""

    @property
    def name(self) -> str:
        """The name that the browser told."""

    def getbuffer(self) -> memoryview:
        """The bytes."""


def keep_uploads(home: Home, collection: str, uploads: Sequence[Upload]) -> Path:
    """Writes the files into the collection's folder and returns the folder; a file of the same name is replaced."""
    folder = home.path / "uploads" / slug_of(collection)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for upload in uploads:
        path = folder / safe_name(upload.name)
        aside = folder / f".{path.name}.part"  # hidden: an ingest that runs meanwhile doesn't see it
        aside.write_bytes(upload.getbuffer())
        aside.replace(path)
    return folder


def safe_name(name: str) -> str:
    """A file name without folders and signs that mean something; a changed one carries a hash, so that none collide."""
    wanted = unicodedata.normalize("NFC", name)
    suffix = _HARMFUL.sub("", Path(wanted).suffix)[:12]
    stem = _HARMFUL.sub("_", wanted.removesuffix(Path(wanted).suffix)).strip(". ")[:_STEM_CHARACTERS]
    if stem and f"{stem}{suffix}" == wanted:
        return wanted
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{stem or 'file'}-{digest}{suffix}"
