"""Fakes with a meaning: an encoder that reads words, a sink that is a dictionary; and a sample of each format."""

import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import docx
import docx.opc.part
import numpy as np
import openpyxl
import pptx
import pptx.opc.package
import pyarrow
import pyarrow.parquet
import pytest
from docx.oxml import parse_xml
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from ingest.chunking import ChunkingSettings
from ingest.pipeline import IngestSettings, ingest
from ingest.progress import Report, unheard
from ingest.sink import EncodedDocument, FileOutcome, HeldDocument, StageCounts, Vectors
from ingest.summary import IngestSummary

_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/drawingml/2006"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_NAMES = {"a": f"{_OFFICE}/main", "c": f"{_OFFICE}/chart", "d": f"{_OFFICE}/diagram", "r": _RELATIONS}
_DRAWN = " ".join(f'xmlns:{short}="{name}"' for short, name in _NAMES.items())
_FRAME = (
    f'<p:graphicFrame xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {_DRAWN}>'
    '<p:nvGraphicFramePr><p:cNvPr id="99" name="Steps"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr>'
    f'<p:xfrm/><a:graphic><a:graphicData uri="{_OFFICE}/diagram">{{}}</a:graphicData></a:graphic></p:graphicFrame>'
)


@dataclass
class WordEncoder:
    """A word is a token and two more frame a text; the vector is (words, characters) at unit length."""

    fingerprint: str = "words"
    dim: int = 2
    max_tokens: int = 64
    read: list[str] = field(default_factory=list)

    def count_tokens(self, text: str) -> int:
        return len(text.split()) + 2

    def vector(self, text: str) -> Vectors:
        row = np.array([len(text.split()), len(text)], dtype=np.float32)
        return row / np.linalg.norm(row)

    def encode(self, texts: Sequence[str], *, kind: Literal["document", "query"] = "document") -> Vectors:
        assert kind == "document"
        self.read.extend(texts)
        return np.stack([self.vector(text) for text in texts])


@dataclass
class MemorySink:
    """Holds what was written, by document id."""

    documents: dict[str, EncodedDocument] = field(default_factory=dict)
    batch_sizes: list[int] = field(default_factory=list)
    files: dict[str, FileOutcome] = field(default_factory=dict)
    counts: StageCounts | None = None
    is_open: bool = False

    def known_files(self, origins: Sequence[str]) -> Mapping[str, FileOutcome]:
        held = Counter(encoded.document.origin for encoded in self.documents.values())
        return {key: one for key, one in self.files.items() if key in origins and held[key] == one.document_count}

    def held(self, document_ids: Sequence[str]) -> Mapping[str, HeldDocument]:
        found = [self.documents[key].document for key in document_ids if key in self.documents]
        return {one.id: HeldDocument(one.content_hash, one.origin) for one in found}

    def note(self, counts: StageCounts) -> None:
        self.counts = counts

    def open(self) -> None:
        self.is_open = True

    def write(self, batch: Sequence[EncodedDocument], files: Sequence[FileOutcome]) -> Collection[str]:
        if batch:
            self.batch_sizes.append(sum(len(encoded.chunks) for encoded in batch))
        self.documents.update({encoded.document.id: encoded for encoded in batch})
        self.files.update({one.origin: one for one in files})
        return ()

    def prune(self, origins: Sequence[str], is_kept: Callable[[str, str], bool]) -> int:
        roots = [Path(origin) for origin in origins]
        gone = [
            key
            for key, encoded in self.documents.items()
            if not is_kept(key, encoded.document.origin)
            and any(Path(encoded.document.origin).is_relative_to(root) for root in roots)
        ]
        for key in gone:
            del self.documents[key]
        return len(gone)


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def run(encoder: WordEncoder, sink: MemorySink) -> Callable[..., IngestSummary]:
    """Ingests paths into the sink."""

    def run_ingest(
        *paths: Path,
        settings: IngestSettings = IngestSettings(ChunkingSettings(max_tokens=32)),  # noqa: B008
        report: Report = unheard,
    ) -> IngestSummary:
        return ingest(paths, encoder=encoder, sink=sink, settings=settings, report=report)

    return run_ingest


@pytest.fixture
def write_tree(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Makes a folder "docs" of files by their relative paths."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "docs"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


@pytest.fixture(scope="session")
def samples() -> Mapping[str, bytes]:
    """A small good file of each format with a mark, by its suffix; each says "pump" and "valve"."""
    return {
        ".pdf": pdf_of("The pump is on page one.", "The valve is on page two."),
        ".docx": docx_sample(),
        ".pptx": pptx_sample(),
        ".xlsx": xlsx_sample(),
        ".odt": odt_sample(),
        ".epub": epub_sample(),
        ".parquet": parquet_sample(),
        ".zip": zip_of({"sub/pump.txt": "The pump.", "valve.md": "# Valve\n\nThe valve."}),
        ".tar.gz": tar_of({"sub/pump.txt": "The pump.", "valve.md": "# Valve\n\nThe valve."}),
    }


@pytest.fixture(name="pdf_of", scope="session")
def _pdf_of() -> Callable[..., bytes]:
    return pdf_of


@pytest.fixture(name="zip_of", scope="session")
def _zip_of() -> Callable[[Mapping[str, str | bytes]], bytes]:
    return zip_of


def pdf_of(*pages: str) -> bytes:
    """A PDF with a line of text a page, written by hand."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, line in enumerate(pages):
        stream = f"BT /F1 24 Tf 50 700 Td ({line}) Tj ET"
        font = "/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792]"
        objects.append(f"<< /Type /Page /Parent 2 0 R {font} /Contents {5 + 2 * number} 0 R >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


def docx_sample() -> bytes:
    document = docx.Document()
    document.core_properties.title = "Plant manual"
    for kind, words in (("footnote", "Turn it."), ("endnote", "To the left.")):
        note = f"<w:{kind} w:id='2'><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:{kind}>"
        relate(document.part, f"{kind}s", f"<w:{kind}s {_WORD}>{note}</w:{kind}s>")
    document.add_heading("Pumps", level=1)
    document.add_heading("Start", level=2)
    paragraph = document.add_paragraph("Open the pump.")._p
    for kind in ("footnote", "endnote"):
        paragraph.append(parse_xml(f"<w:r {_WORD}><w:{kind}Reference w:id='2'/></w:r>"))
    paragraph.append(parse_xml(f"<w:moveFrom {_WORD}><w:r><w:t>It is elsewhere now.</w:t></w:r></w:moveFrom>"))
    paragraph.append(
        parse_xml(f"<w:r {_WORD}><w:drawing>{chart_in(document.part)}{diagram_in(document.part)}</w:drawing></w:r>")
    )
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Part", "Size", "Valve", "4 mm"), strict=True):
        cell.text = text
    document.add_heading("Valves", level=1)
    document.add_paragraph("Close the valve.")
    return saved(document.save)


def chart_in(page: Any) -> str:
    """What stands on a page for a chart, which is a part of the page's own."""
    name, category, value = (f"<c:pt idx='0'><c:v>{text}</c:v></c:pt>" for text in ("2025", "North", "7"))
    series = f"<c:ser><c:tx>{name}</c:tx><c:cat>{category}</c:cat><c:val>{value}</c:val></c:ser>"
    return f"<c:chart {_DRAWN} r:id='{relate(page, 'chart', f'<c:chartSpace {_DRAWN}>{series}</c:chartSpace>')}'/>"


def diagram_in(page: Any) -> str:
    """The same for a diagram."""
    shapes = "".join(f"<d:pt><d:t><a:t>{text}</a:t></d:t></d:pt>" for text in ("Fill", "Drain"))
    data = f"<d:dataModel {_DRAWN}><d:ptLst>{shapes}</d:ptLst></d:dataModel>"
    return f"<d:relIds {_DRAWN} r:dm='{relate(page, 'diagramData', data)}'/>"


def relate(page: Any, kind: str, content: str) -> str:
    """The id of the page's relation to a new part of the Office file."""
    place = type(page.partname)(f"{page.partname.baseURI}/{kind}-sample.xml")
    made = docx.opc.part.Part if isinstance(page, docx.opc.part.Part) else pptx.opc.package.Part
    part = made(place, "application/xml", blob=content.encode(), package=page.package)
    return str(page.relate_to(part, f"{_RELATIONS}/{kind}"))


def pptx_sample() -> bytes:
    presentation = pptx.Presentation()
    for title, body in (("Pumps", "Open the pump."), ("Valves", "Close the valve.")):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
    sales = CategoryChartData()
    sales.categories = ["East", "West"]
    sales.add_series("2025", (19.5, None))
    sales.add_series("2026", (None, 5))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 100, 100, sales).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Pumps sold"
    slide.shapes._spTree.append(pptx.oxml.parse_xml(_FRAME.format(diagram_in(slide.part))))
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    return saved(presentation.save)


def xlsx_sample() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "FAQ"
    for row in (("Question", "Answer", "Tag"), ("Which pump?", "The small pump.", "a"), ("Which valve?", "Any.", None)):
        book.active.append(row)
    other = book.create_sheet("Sizes")
    for cells in (("Part", "mm"), ("Pump", 12.5), (None, None), ("Valve", 4)):
        other.append(cells)
    return saved(book.save)


def odt_sample() -> bytes:
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "text", "table")
    )
    content = (
        f"<office:document-content {names}><office:body><office:text>"
        '<text:h text:outline-level="1">Pumps</text:h><text:p>Open the<text:s/><text:span>pump</text:span>'
        "<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>Turn it.</text:p></text:note-body></text:note>, slowly.</text:p>"
        "<table:table><table:table-row><table:table-cell><text:p>Valve</text:p></table:table-cell>"
        "<table:table-cell><text:p>4 mm</text:p></table:table-cell></table:table-row></table:table>"
        "</office:text></office:body></office:document-content>"
    )
    return zip_of({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def epub_sample() -> bytes:
    container = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:title>Plant book</dc:title><dc:creator>A. Smith</dc:creator></metadata>"
        '<manifest><item id="b" href="text/two.xhtml"/><item id="a" href="one.xhtml"/>'
        '<item id="x" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        '<item id="n" href="nav.xhtml" properties="nav"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    return zip_of(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OPS/book.opf": book,
            "OPS/one.xhtml": "<html><body><h1>Pumps</h1><p>Open the pump.</p></body></html>",
            "OPS/text/two.xhtml": "<html><body><p>Close the valve.</p></body></html>",
            "OPS/nav.xhtml": '<html><body><nav><a href="text/two.xhtml#p1">Valves</a></nav></body></html>',
            "OPS/toc.ncx": (
                '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Old</text></navLabel>'
                '<content src="text/two.xhtml"/></navPoint></navMap></ncx>'
            ),
        }
    )


def parquet_sample() -> bytes:
    table = pyarrow.table({"id": ["1", "2"], "text": ["The pump.", "The valve."]})
    return saved(lambda stream: pyarrow.parquet.write_table(table, stream))


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name, (2026, 5, 1, 12, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def tar_of(files: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return stream.getvalue()


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()
