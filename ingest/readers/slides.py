"""PPTX: a slide is a page, under its title; its tables, charts, diagrams and the speaker's notes belong to it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from ingest.readers.building import TextBuilder
from ingest.readers.drawings import drawn_texts
from ingest.readers.found import Found, Opened
from ingest.readers.packages import check_package

_EMPTY_TITLES = {"PowerPoint Presentation", "Slide 1"}


def read_pptx(file: Opened) -> Iterator[Found]:
    """The one document of the file, titled by its properties, its first slide or its name."""
    import pptx

    check_package(file)
    presentation = pptx.Presentation(file.stream)
    builder = TextBuilder(file)
    for number, slide in enumerate(presentation.slides, start=1):
        builder.begin_page(number, _title(slide))
        for shape in _shapes(slide.shapes):
            builder.add(_text(shape))
            for text in drawn_texts(shape.element, partial(_part, slide)):
                builder.add(text)
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
            builder.add(notes.text)
    title = presentation.core_properties.title or ""
    first = next((_title(slide) for slide in presentation.slides), "")
    yield builder.document(first if title in _EMPTY_TITLES else title or first)


def _part(slide: Any, relation_id: str) -> bytes:
    return bytes(slide.part.related_part(relation_id).blob)


def _title(slide: Any) -> str:
    shape = slide.shapes.title
    return "" if shape is None or not shape.has_text_frame else str(shape.text_frame.text)


def _shapes(shapes: Any) -> Iterator[Any]:
    """All shapes in order, those in groups too."""
    waiting = list(reversed(list(shapes)))
    while waiting:
        shape = waiting.pop()
        if hasattr(shape, "shapes"):
            waiting.extend(reversed(list(shape.shapes)))
        else:
            yield shape


def _text(shape: Any) -> str:
    if shape.has_text_frame:
        return str(shape.text_frame.text)
    if not getattr(shape, "has_table", False):
        return ""
    rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows)
    return "\n".join(" | ".join(cells).strip(" |") for cells in rows)
