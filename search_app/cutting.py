"""Decides how a generation's documents are cut: as a person wants it, within what its encoder reads.

Chunks belong to a tokenizer too: another one cuts elsewhere, so its chunks have other ids.
"""

from dataclasses import dataclass, replace

from ingest.chunking import ChunkingSettings
from search_app.encoders import EncoderChoice
from search_app.errors import UsageError


@dataclass(frozen=True, slots=True)
class Cut:
    """How long a chunk may be and how much of the one before it repeats, in tokens; None is as before."""

    chunk_tokens: int | None = None
    chunk_overlap: int | None = None


def first_cut(cut: Cut, choice: EncoderChoice, *, is_whole: bool) -> ChunkingSettings:
    """How a new collection is cut: as long as the encoder reads if nothing else is wanted.

    Raises:
        UsageError: The sizes leave no room for text.
    """
    longest = choice.record.max_tokens
    return _settings(ChunkingSettings(max(longest, 16), whole=is_whole), cut, choice)


def next_cut(held: ChunkingSettings, cut: Cut, choice: EncoderChoice) -> ChunkingSettings:
    """How the next generation is cut: as the one before, unless something else is wanted or it is too long to be read.

    Raises:
        UsageError: The sizes leave no room for text.
    """
    return _settings(held, cut, choice)


def _settings(held: ChunkingSettings, cut: Cut, choice: EncoderChoice) -> ChunkingSettings:
    wanted = cut.chunk_tokens if cut.chunk_tokens is not None else held.max_tokens
    overlap = cut.chunk_overlap if cut.chunk_overlap is not None else held.overlap_tokens
    try:
        return replace(
            held,
            max_tokens=min(wanted, choice.record.max_tokens),
            overlap_tokens=overlap,
            tokenizer=choice.tokenizer_key,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
