"""Cuts documents into passages that fit the encoder.

`text == document.text[start:end]` holds for every chunk, chunks come in order, none is empty, and every
character of the document that is not white space lies in at least one of them.
What the encoder reads is the passage (title, headings, text); the budget counts all of it and special tokens.
"""

import hashlib
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, pairwise, takewhile
from pathlib import PurePath

from semantic_text_splitter import TextSplitter

from ingest.counting import CountTokens, TokenCounter
from ingest.cutting import Cutter, Span
from ingest.documents import Document, Section

_MARKDOWN_SUFFIXES = {".md", ".markdown"}
_HEADING_LINE = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")


@dataclass(frozen=True, slots=True)
class ChunkingSettings:
    """How long a chunk may be; `whole` makes one chunk of each document, however long.

    Args:
        max_tokens: Tokens of a passage, special ones included; no more than the encoder reads.
        overlap_tokens: Tokens at most that a chunk repeats of the one before.
        max_bytes: UTF-8 bytes of a chunk's text.
        whole: Published figures are made so; what the encoder doesn't read is then lost.
        tokenizer: A hash of what counts the tokens; empty where it wasn't noted.

    Raises:
        ValueError: A size that leaves no room for text.
    """

    max_tokens: int
    overlap_tokens: int = 0
    max_bytes: int = 8192
    whole: bool = False
    tokenizer: str = ""

    def __post_init__(self) -> None:
        if self.max_tokens < 16 or self.max_bytes < 64:
            raise ValueError(
                f"Chunks of {self.max_tokens} tokens and {self.max_bytes} bytes can't hold a sentence. "
                "Give at least 16 tokens and 64 bytes."
            )
        if not 0 <= self.overlap_tokens <= self.max_tokens // 2:
            raise ValueError(
                f"An overlap of {self.overlap_tokens} tokens doesn't fit chunks of {self.max_tokens}. "
                f"Give 0 to {self.max_tokens // 2}."
            )

    @property
    def key(self) -> str:
        """A short hash that is part of every chunk's id: other settings, other chunks."""
        values = {name: value for name, value in asdict(self).items() if value or name != "tokenizer"}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document; `token_count` counts all that the encoder is given of it."""

    id: str
    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    page: int | None
    token_count: int


def chunk_id(document_id: str, settings_key: str, ordinal: int, text: str) -> str:
    """The id of a chunk: the same for the same document, settings, place and text, wherever it is made."""
    identity = json.dumps([document_id, settings_key, ordinal, text])
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def passage(title: str, headings: Sequence[str], text: str) -> str:
    """What the encoder reads: title, headings and text joined by spaces, nothing said twice in a row.

    The title is left out where the text begins with it, a heading where it is the title or opens the text.
    """
    opening = text.lstrip("# ")
    before = [heading for heading in headings if heading != title]
    parts = [part for part in (title, *before) if part and not opening.startswith(part)]
    return " ".join([*parts, text])


def fit_title(document: Document, settings: ChunkingSettings, count_tokens: CountTokens) -> Document:
    """The document with a title that takes at most half of the budget, cut at a word if need be."""
    room = settings.max_tokens // 2
    if settings.whole or len(document.title.encode()) < room or count_tokens(document.title) <= room:
        return document
    title = TextSplitter.from_callback(count_tokens, room).chunks(document.title)[0]
    return replace(document, title=title)


def chunk_document(document: Document, settings: ChunkingSettings, count_tokens: CountTokens) -> list[Chunk]:
    """Chunks of the document in the order of its text; none when it holds no text.

    No passage is longer than the settings allow, provided that the title went through `fit_title`.
    Give a `TokenCounter` where many documents are chunked.
    """
    return list(iter_chunks(document, settings, count_tokens))


def iter_chunks(document: Document, settings: ChunkingSettings, count_tokens: CountTokens) -> Iterator[Chunk]:
    """The chunks of `chunk_document` as they are cut, for who may stop before the end."""
    counter = count_tokens if isinstance(count_tokens, TokenCounter) else TokenCounter(count_tokens)
    sections = _with_fitting_headings(document.sections, settings, counter)
    work = _Work(replace(document, sections=sections), settings, settings.key, counter)
    for ordinal, span in enumerate(_spans(work)):
        yield work.chunk(span, ordinal)


@dataclass(frozen=True, slots=True)
class _Work:
    document: Document
    settings: ChunkingSettings
    settings_key: str
    counter: TokenCounter
    token_counts: dict[Span, int] = field(default_factory=dict)

    @property
    def is_markdown(self) -> bool:
        return PurePath(self.document.origin).suffix.lower() in _MARKDOWN_SUFFIXES

    @property
    def cutter(self) -> Cutter:
        settings = self.settings
        return Cutter(self.counter.by_words, settings.max_bytes, settings.overlap_tokens, self.is_markdown)

    def text(self, span: Span) -> str:
        return self.document.text[slice(*span)]

    def token_count(self, span: Span) -> int:
        """Tokens of the span's passage, counted once."""
        if span not in self.token_counts:
            headings, _ = _place(self.document.sections, *span)
            self.token_counts[span] = self.counter(passage(self.document.title, headings, self.text(span)))
        return self.token_counts[span]

    def excess(self, span: Span) -> float:
        """How many times the span is as long as it may be, in tokens or bytes."""
        tokens = self.token_count(span) / self.settings.max_tokens
        return max(tokens, len(self.text(span).encode()) / self.settings.max_bytes)

    def chunk(self, span: Span, ordinal: int) -> Chunk:
        """The span as the document's chunk number `ordinal`, from 0."""
        text, (headings, page) = self.text(span), _place(self.document.sections, *span)
        return Chunk(
            id=chunk_id(self.document.id, self.settings_key, ordinal, text),
            document_id=self.document.id,
            ordinal=ordinal,
            start=span[0],
            end=span[1],
            text=text,
            headings=headings,
            page=page,
            token_count=self.token_count(span),
        )


def _spans(work: _Work) -> Iterator[Span]:
    span = (0, len(work.document.text))
    if not work.document.text.strip():
        return iter(())
    if work.settings.whole:
        return iter([span])
    spans = _fitting(work, span, work.settings.max_tokens - work.counter(" ".join(_longest_before(work))))
    return _with_headings_joined(work, spans) if work.is_markdown else spans


def _fitting(work: _Work, span: Span, room: int) -> Iterator[Span]:
    """Parts of the span that fit, in order: what turns out too long is cut again, with less room.

    Of a part that is cut again, what the next part repeats is left to that one.
    """
    parts = work.cutter.cut(work.document.text, span, room)
    for part, following in pairwise(chain(parts, [(span[1], span[1])])):
        excess = work.excess(part)
        if excess <= 1 or room == 1:
            yield part
        else:
            pieces = _fitting(work, part, max(1, min(room - 1, int(room / excess))))
            yield from (piece for piece in pieces if piece[0] < following[0])


def _with_headings_joined(work: _Work, spans: Iterator[Span]) -> Iterator[Span]:
    """The spans, but one that holds headings only becomes part of the next one where both fit together."""
    held: Span | None = None
    for span in spans:
        joined = (held[0], span[1]) if held else span
        if held and work.excess(joined) > 1:
            yield held
            joined = span
        held = joined if _is_headings_only(work.text(joined)) else None
        if held is None:
            yield joined
    if held:
        yield held


def _is_headings_only(text: str) -> bool:
    return all(not line.strip() or _HEADING_LINE.match(line) for line in text.split("\n"))


def _longest_before(work: _Work) -> list[str]:
    """Title and headings of the section in which they take most tokens."""
    paths = {section.headings for section in work.document.sections} or {()}
    longest = max(paths, key=lambda path: (work.counter.by_words(" ".join(path)), path))
    return [part for part in (work.document.title, *longest) if part]


def _with_fitting_headings(
    sections: Sequence[Section], settings: ChunkingSettings, counter: TokenCounter
) -> tuple[Section, ...]:
    """The sections without their outermost headings where a path takes more than a quarter of the budget."""

    def fitted(headings: tuple[str, ...]) -> tuple[str, ...]:
        while headings and counter.by_words(" ".join(headings)) > settings.max_tokens // 4:
            headings = headings[1:]
        return headings

    return tuple(replace(section, headings=fitted(section.headings)) for section in sections)


def _place(sections: Sequence[Section], start: int, end: int) -> tuple[tuple[str, ...], int | None]:
    """The headings that all sections in the span share, and the page on which it begins."""
    first = bisect_right(sections, start, key=_start) - 1
    last = bisect_left(sections, end, key=_start)
    if first < 0:
        return (), None
    shared = sections[first].headings
    for section in sections[first + 1 : last]:
        pairs = zip(shared, section.headings, strict=False)
        shared = tuple(ours for ours, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return shared, sections[first].page


def _start(section: Section) -> int:
    return section.start
