"""How long a file may still be waited for: each member of an archive for itself, and all of it together.

Only the time that is spent waiting counts, so a slow taker of documents costs a file nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.limits import Limits


class Deadline:
    """The time that is left for one file."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._whole = float(max(limits.archive_seconds, limits.seconds))
        self._part = float(limits.seconds)

    def begin_part(self) -> None:
        """Another member is read, or the same file by another process."""
        self._part = float(self._limits.seconds)

    @contextmanager
    def waiting(self) -> Iterator[float]:
        """The moment (monotonic) until which an answer may be waited for; the time within is spent."""
        begun = time.monotonic()
        try:
            yield begun + min(self._whole, self._part)
        finally:
            spent = time.monotonic() - begun
            self._whole -= spent
            self._part -= spent

    @property
    def is_over(self) -> bool:
        """Whether nothing is left for the file as a whole."""
        return self._whole <= 0

    @property
    def sentence(self) -> str:
        """What is told of a whole file that took too long; it completes "'a.zip' ..."."""
        return f"took more than {self._limits.archive_seconds} s in all. Unpack it, or raise `archive_seconds`."
