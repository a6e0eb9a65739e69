"""Decides how a generation's documents are cut: as a person wants it, within what its encoder reads.

Chunks belong to a tokenizer too: another one cuts elsewhere, so its chunks have other ids. Collections from before
that was noted have none; their next generation has one, and is cut anew.
"""

from dataclasses import dataclass, replace

from ingest.chunking import ChunkingSettings
from search_app.encoders import EncoderChoice
from search_app.errors import UsageError

_SHORTEST = 16  # what `ChunkingSettings` takes at least


@dataclass(frozen=True, slots=True)
class Cut:
    """How long a chunk may be and how much of the one before it repeats, in tokens; None is as before."""

    chunk_tokens: int | None = None
    chunk_overlap: int | None = None

    @property
    def options(self) -> str:
        """The same as options of a command, each with a space before it."""
        given = (("--chunk-tokens", self.chunk_tokens), ("--chunk-overlap", self.chunk_overlap))
        return "".join(f" {name} {value}" for name, value in given if value is not None)


AS_BEFORE = Cut()


def first_cut(cut: Cut, choice: EncoderChoice, *, usual: Cut = AS_BEFORE, is_whole: bool = False) -> ChunkingSettings:
    """How a new collection is cut: if nothing else is wanted or usual, as long as the encoder reads.

    Raises:
        UsageError: The sizes leave no room for text, are beyond what the encoder reads, or documents are to stay whole.
    """
    if is_whole and cut != AS_BEFORE:
        raise UsageError(f"Documents that stay whole aren't cut: leave out --whole, or{cut.options}.")
    longest = choice.record.max_tokens
    tokens = max(min(usual.chunk_tokens or longest, longest), _SHORTEST)
    overlap = min(usual.chunk_overlap or 0, tokens // 2)
    return next_cut(ChunkingSettings(tokens, overlap, whole=is_whole), cut, choice)


def next_cut(held: ChunkingSettings, cut: Cut, choice: EncoderChoice) -> ChunkingSettings:
    """How the next generation is cut: as the one before, unless something else is wanted or it is too long to be read.

    Where chunks get so short that they would only repeat each other, they repeat half of themselves at most.

    Raises:
        UsageError: The sizes leave no room for text, or are beyond what the encoder reads.
    """
    longest = choice.record.max_tokens
    tokens = min(held.max_tokens if cut.chunk_tokens is None else cut.chunk_tokens, longest)
    if cut.chunk_tokens is not None and cut.chunk_tokens > longest:
        raise UsageError(
            f"Of a chunk of {cut.chunk_tokens:,} tokens encoder {choice.record.name!r} would read {longest:,} only. "
            f"Give at most {longest:,}, or another encoder."
        )
    try:
        return replace(
            held,
            max_tokens=tokens,
            overlap_tokens=min(held.overlap_tokens, tokens // 2) if cut.chunk_overlap is None else cut.chunk_overlap,
            whole=held.whole and cut == AS_BEFORE,
            tokenizer=choice.tokenizer_key,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def refuse_other_cut(held: ChunkingSettings, cut: Cut, collection: str) -> None:
    """Raise UsageError if a collection that has chunks already is to get others from an ingest."""
    is_as_held = cut.chunk_tokens in (None, held.max_tokens) and cut.chunk_overlap in (None, held.overlap_tokens)
    if cut == AS_BEFORE or (is_as_held and not held.whole):
        return
    now = (
        "keeps its documents whole"
        if held.whole
        else f"has chunks of {held.max_tokens:,} tokens, {held.overlap_tokens:,} of them repeated"
    )
    raise UsageError(
        f"Collection {collection!r} {now}. To cut all of it anew, from its own texts, "
        f"run `twinsearch reindex {collection}{cut.options} --switch`."
    )
