"""Cuts documents into passages that fit the encoder.

`text == document.text[start:end]` holds for every chunk, chunks come in order, none is empty, and every
character of the document that is not white space lies in at least one of them.
What the encoder reads is the passage (title, headings, text); the budget counts all of it and special tokens.
"""

import hashlib
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import takewhile
from pathlib import PurePath

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from ingest.documents import Document, Section

CountTokens = Callable[[str], int]

_MARKDOWN_SUFFIXES = {".md", ".markdown"}
_WORD_CHARACTERS = (
    32  # a longer word is counted in pieces, so that a line without spaces can't fill the memory
)
_REMEMBERED_WORDS = 1 << 16
_WINDOW_CHARACTERS = 1 << 15  # the splitter's time grows with the square of a text that has no sentence ends
_BREAKS = ("\n\n", "\n", ". ", " ")

# Where there are no spaces: Han characters, which the BERT family reads one by one, and long words.
_UNSPACED = re.compile(rf"[\u3400-\u9fff]|[^\s\u3400-\u9fff]{{{_WORD_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class ChunkingSettings:
    """How long a chunk may be; `whole` makes one chunk of each document, however long.

    Args:
        max_tokens: Tokens of a passage, special ones included; no more than the encoder reads.
        overlap_tokens: Tokens at most that a chunk repeats of the one before.
        max_bytes: UTF-8 bytes of a chunk's text.
        whole: Published figures are made so; what the encoder doesn't read is then lost.

    Raises:
        ValueError: A size that leaves no room for text.
    """

    max_tokens: int
    overlap_tokens: int = 0
    max_bytes: int = 8192
    whole: bool = False

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
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


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


def passage(title: str, headings: Sequence[str], text: str) -> str:
    """What the encoder reads: title, headings and text joined by spaces, nothing said twice in a row.

    The title is left out where the text begins with it, a heading where it is the title or opens the text.
    """
    opening = text.lstrip("# ")
    before = [heading for heading in headings if heading != title]
    parts = [part for part in (title, *before) if part and not opening.startswith(part)]
    return " ".join([*parts, text])


class TokenCounter:
    """Counts the tokens of texts exactly, and of pieces of text by the words that it has met before.

    One counter may serve any number of documents; what it remembers is bounded.
    """

    def __init__(self, count_tokens: CountTokens) -> None:
        self._exact = count_tokens
        self.special_count = count_tokens("")
        self._word = lru_cache(_REMEMBERED_WORDS)(lambda word: count_tokens(word) - self.special_count)

    def __call__(self, text: str) -> int:
        """Tokens of the text, special ones included."""
        return self._exact(text)

    def by_words(self, text: str) -> int:
        """Tokens of the words one by one, without special ones; only near where tokens cross words."""
        return sum(map(self._word, _UNSPACED.sub(r" \g<0> ", text).split()))


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
    counter = count_tokens if isinstance(count_tokens, TokenCounter) else TokenCounter(count_tokens)
    sections = _with_fitting_headings(document.sections, settings, counter)
    work = _Work(replace(document, sections=sections), settings, counter)
    chunks: list[Chunk] = []
    for start, end in _quick_spans(work):
        chunk = _chunk(work, start, end, ordinal=len(chunks))
        if settings.whole or chunk.token_count <= settings.max_tokens:
            chunks.append(chunk)
            continue
        for exact_start, exact_end in _exact_spans(work, start, end):
            chunks.append(_chunk(work, exact_start, exact_end, ordinal=len(chunks)))
    return chunks


@dataclass(frozen=True, slots=True)
class _Work:
    document: Document
    settings: ChunkingSettings
    counter: TokenCounter


def _chunk(work: _Work, start: int, end: int, *, ordinal: int) -> Chunk:
    document, text = work.document, work.document.text[start:end]
    headings, page = _place(document.sections, start, end)
    identity = json.dumps([document.id, work.settings.key, ordinal, text])
    return Chunk(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        document_id=document.id,
        ordinal=ordinal,
        start=start,
        end=end,
        text=text,
        headings=headings,
        page=page,
        token_count=work.counter(passage(document.title, headings, text)),
    )


def _quick_spans(work: _Work) -> list[tuple[int, int]]:
    """Spans that fit if tokens never reach across words."""
    text = work.document.text
    if work.settings.whole:
        return [(0, len(text))] if text.strip() else []
    room = work.settings.max_tokens - work.counter(" ".join(_longest_before(work)))
    windows = _windows(text)
    return [span for window in windows for span in _cut(work, window, work.counter.by_words, room)]


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Spans that together are the text, cut at the greatest break in the second half of each."""
    start = 0
    while start < len(text):
        middle, end = start + _WINDOW_CHARACTERS // 2, start + _WINDOW_CHARACTERS
        if end < len(text):
            breaks = (
                text.rfind(mark, middle, end) + len(mark) for mark in _BREAKS if mark in text[middle:end]
            )
            end = next(breaks, end)
        yield start, min(end, len(text))
        start = end


def _exact_spans(work: _Work, start: int, end: int) -> list[tuple[int, int]]:
    """Spans that fit whatever the tokenizer does; each size is counted from the text anew."""
    before = _longest_before(work)
    return _cut(
        work, (start, end), lambda text: work.counter(" ".join([*before, text])), work.settings.max_tokens
    )


def _cut(work: _Work, span: tuple[int, int], size: CountTokens, room: int) -> list[tuple[int, int]]:
    """Parts of the span whose size is at most `room` and whose bytes are at most the settings' cap."""
    max_bytes = work.settings.max_bytes

    def fill(text: str) -> int:
        """The size, or the share of the bytes in the same measure: whichever is fuller."""
        if len(text) > max_bytes:  # not worth counting; the splitter asks for all that's left of a long line
            return room + 1
        return max(size(text), -(-len(text.encode()) * room // max_bytes))

    is_markdown = PurePath(work.document.origin).suffix.lower() in _MARKDOWN_SUFFIXES
    splitter = MarkdownSplitter if is_markdown else TextSplitter
    overlap = min(work.settings.overlap_tokens, room // 2)
    start, end = span
    parts = splitter.from_callback(fill, room, overlap).chunk_indices(work.document.text[start:end])
    return [(start + offset, start + offset + len(part)) for offset, part in parts if part.strip()]


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
