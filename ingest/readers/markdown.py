"""Markdown: one document a file, its headings as sections, its front matter as metadata.

Headings inside fenced code are code. The heading lines stay in the text.
"""

import re
from collections.abc import Iterator

from ingest.cleaning import clean_line, clean_metadata, clean_text
from ingest.documents import MetadataValue, Section
from ingest.readers.decoding import read_text
from ingest.readers.found import Found, Opened, document_of

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_][\w .-]*?):(?:[ \t]+(.*))?$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
_ANCHOR = re.compile(r"\{#[^{}]*\}$")  # "## Install {#install}" names a link target
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_UNDERLINE = {"=": 1, "-": 2}


def read_markdown(file: Opened) -> Iterator[Found]:
    """The one document of the file, titled by its front matter, its first top heading or its name."""
    metadata, text = split_front_matter(clean_text(read_text(file)))
    headings = list(find_headings(text))
    first = next((name for _, level, name in headings if level == 1), "")
    title = clean_line(str(metadata.pop("title", None) or "")) or first or file.stem
    yield document_of(file, title=title, text=text, metadata=metadata, sections=sections_of(headings))


def split_front_matter(text: str) -> tuple[dict[str, MetadataValue], str]:
    """The fields of the front matter, each value as text, and the text behind it."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    fields: dict[str, list[str]] = {}
    parts: list[str] = []
    for line in match[1].split("\n"):
        if field := _FIELD.match(line):
            parts = fields.setdefault(field[1], [])
            parts.append(_unquoted(field[2] or ""))
        else:
            parts.append(line.strip())  # a list or a folded text goes on
    joined = {name: " ".join(part for part in parts if part) for name, parts in fields.items()}
    return clean_metadata(joined), clean_text(text[match.end() :])


def find_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Offset, level and name of each heading, in order."""
    fence, offset, previous = "", 0, ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        elif heading := _HEADING.match(line):
            yield offset, len(heading[1]), _heading_name(line[heading.end() :])
        elif level := _underlined_level(line, previous):
            yield offset - len(previous) - 1, level, _heading_name(previous)
        previous = "" if fence or mark or _HEADING.match(line) else line
        offset += len(line) + 1


def sections_of(headings: list[tuple[int, int, str]]) -> tuple[Section, ...]:
    """A section from each heading to the next, with the path of headings that it lies under."""
    sections = []
    path: list[tuple[int, str]] = []
    for offset, level, name in headings:
        path = [(above, title) for above, title in path if above < level]
        path.append((level, name))
        sections.append(Section(start=offset, headings=tuple(title for _, title in path if title)))
    return tuple(sections)


def _heading_name(raw: str) -> str:
    name = _ANCHOR.sub("", raw.rstrip()).rstrip()
    without_close = name.rstrip("#")  # "## Install ##"
    return clean_line(without_close if without_close.endswith((" ", "\t")) else name)


def _underlined_level(line: str, previous: str) -> int | None:
    stripped = line.strip()
    if len(stripped) < 2 or not previous.strip() or previous.lstrip()[0] in "|>-*+":
        return None
    return _UNDERLINE.get(stripped[0]) if set(stripped) == {stripped[0]} else None


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
