"""Cuts text at its best breaks into spans of about a given size; the only user of the splitter.

Spans come in order and together hold all that is not white space. The splitter takes a text of at most `room`
characters to fit, whatever its size is: callers check what they get.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter, TextSplitter

Span = tuple[int, int]  # start and end, the end not included

_WINDOW_CHARACTERS = 1 << 15
_UNBROKEN_CHARACTERS = 1 << 11  # the splitter's time grows with the square of a text that has no sentence ends
_MOST_CHARACTERS_A_TOKEN = 16  # beyond it nothing is counted: the splitter asks for all that's left of a line
_BREAKS = ("\n\n", "\n", ". ", "。", " ")


@dataclass(frozen=True, slots=True)
class Cutter:
    """How a text is cut: the size of a piece, its bytes at most, what it repeats of the one before."""

    size: Callable[[str], int]
    max_bytes: int
    overlap: int
    is_markdown: bool

    def cut(self, text: str, span: Span, room: int) -> Iterator[Span]:
        """Parts of the span with a size of at most `room`."""
        splitter = MarkdownSplitter if self.is_markdown else TextSplitter
        overlap = min(self.overlap, room // 2)
        cut = splitter.from_callback(lambda piece: self._fill(piece, room), room, overlap)
        for start, end in _windows(text, span):
            for offset, part in cut.chunk_indices(text[start:end]):
                if part.strip():
                    yield start + offset, start + offset + len(part)

    def _fill(self, piece: str, room: int) -> int:
        """The size, or the share of the bytes in the same measure: whichever is fuller."""
        if len(piece) > min(self.max_bytes, _MOST_CHARACTERS_A_TOKEN * room):
            return room + 1
        return max(self.size(piece), -(-len(piece.encode()) * room // self.max_bytes))


def _windows(text: str, span: Span) -> Iterator[Span]:
    """Spans that together are the span, each cut at the greatest break in its second half, or short."""
    start, last = span
    while start < last:
        end = min(start + _WINDOW_CHARACTERS, last)
        middle = (start + end) // 2
        ends = (text.rfind(mark, middle, end) + len(mark) for mark in _BREAKS if mark in text[middle:end])
        break_end = next(ends, None)
        if break_end is None:
            end = min(start + _UNBROKEN_CHARACTERS, last)
        elif end < last:
            end = break_end
        yield start, end
        start = end
