import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from ingest.documents import Document, Section
from ingest.errors import EmptyText, ReadError
from ingest.readers import FORMATS, format_of, read_file
from ingest.readers.found import Broken, Found, Opened, Skipped, TableMapping, Told


def read(name: str, content: bytes | str, **columns: Any) -> list[Told]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_file(Opened(f"docs/{name}", f"/docs/{name}", io.BytesIO(raw), columns=TableMapping(**columns))))


def documents(items: list[Told]) -> list[Document]:
    return [item.document for item in items if isinstance(item, Found)]


def only(name: str, content: bytes | str) -> Document:
    (document,) = documents(read(name, content))
    return document


def places(document: Document) -> list[tuple[str, tuple[str, ...], int | None]]:
    """What stands at the start of each section, under which headings, on which page."""
    return [
        (document.text[section.start :].partition("\n")[0], section.headings, section.page)
        for section in document.sections
    ]


def test_pdf_text_comes_by_page(samples: Mapping[str, bytes]) -> None:
    document = only("manual.pdf", samples[".pdf"])
    assert document.title == "manual"
    assert document.text == "The pump is on page one.\n\nThe valve is on page two."
    assert document.sections == (Section(0, page=1), Section(26, page=2))
    assert document.metadata == {"page_count": 2}


def test_docx_headings_become_paths_a_table_row_a_line_and_notes_and_drawings_follow_their_paragraph(
    samples: Mapping[str, bytes],
) -> None:
    document = only("a.docx", samples[".docx"])
    assert (document.title, document.metadata) == ("Plant manual", {"author": "python-docx"})
    assert document.text == (
        "Pumps\n\nStart\n\nOpen the pump.\n\nTurn it.\n\nTo the left.\n\nNorth | 2025: 7\n\nFill\nDrain\n\n"
        "Part | Size\nValve | 4 mm\n\nValves\n\nClose the valve."
    )
    assert places(document) == [
        ("Pumps", ("Pumps",), None),
        ("Start", ("Pumps", "Start"), None),
        ("Valves", ("Valves",), None),
    ]


def test_a_slide_is_a_page_with_its_charts_diagrams_and_notes(samples: Mapping[str, bytes]) -> None:
    document = only("a.pptx", samples[".pptx"])
    chart = "Pumps sold\nEast | 2025: 19.5\nWest | 2026: 5"
    valves = f"Valves\n\nClose the valve.\n\n{chart}\n\nFill\nDrain\n\nSay it slowly."
    assert document.text == f"Pumps\n\nOpen the pump.\n\n{valves}"
    assert places(document) == [("Pumps", ("Pumps",), 1), ("Valves", ("Valves",), 2)]


def test_a_sheet_of_texts_is_a_table_and_other_sheets_are_text(samples: Mapping[str, bytes]) -> None:
    first, second, rest = documents(read("a.xlsx", samples[".xlsx"]))
    assert (first.id, first.title, first.text) == ("docs/a.xlsx/FAQ#2", "Which pump?", "The small pump.")
    assert (first.metadata, second.metadata["row"]) == ({"sheet": "FAQ", "row": 2, "Tag": "a"}, 3)
    assert (rest.id, rest.text) == ("docs/a.xlsx", "Sizes\n\nPart: Pump | mm: 12.5\nPart: Valve | mm: 4")


def test_odt_headings_spans_notes_and_tables_are_read(samples: Mapping[str, bytes]) -> None:
    document = only("a.odt", samples[".odt"])
    assert (document.title, document.text) == ("Pumps", "Pumps\n\nOpen the pump, slowly.\n\nTurn it.\n\nValve | 4 mm")


def test_epub_chapters_come_in_reading_order_under_their_headings_or_names_in_the_contents(
    samples: Mapping[str, bytes],
) -> None:
    document = only("a.epub", samples[".epub"])
    assert (document.title, document.metadata) == ("Plant book", {"author": "A. Smith"})
    assert document.text == "Pumps\n\nOpen the pump.\n\nValves\n\nClose the valve."
    assert [headings for _, headings, _ in places(document)] == [("Pumps",), ("Valves",)]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_members_of_an_archive_are_documents_below_its_name(samples: Mapping[str, bytes], suffix: str) -> None:
    found = documents(read(f"a{suffix}", samples[suffix]))
    assert [(one.id, one.title, one.origin) for one in found] == [
        (f"docs/a{suffix}/sub/pump.txt", "pump", f"/docs/a{suffix}"),
        (f"docs/a{suffix}/valve.md", "Valve", f"/docs/a{suffix}"),
    ]


def test_a_member_from_beyond_the_year_9999_is_one_without_a_date() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("late.txt")
        member.size, member.mtime = 4, 10**14
        archive.addfile(member, io.BytesIO(b"late"))
    assert [one.text for one in documents(read("a.tar.gz", packed.getvalue()))] == ["late"]


def test_a_broken_member_costs_only_itself_and_no_path_leads_out(samples: Mapping[str, bytes], zip_of) -> None:
    files = {"../../etc/good.txt": "good", "bad.pdf": "no", "x.png": "", ".hidden.txt": "x", "/abs.md": "abs"}
    items = read("a.zip", zip_of(files))
    assert [one.id for one in documents(items)] == ["docs/a.zip/etc/good.txt", "docs/a.zip/abs.md"]
    assert [(item.source, item.hides_ids) for item in items if isinstance(item, Broken)] == [
        ("docs/a.zip/bad.pdf", False)
    ]
    assert [item.kind for item in items if isinstance(item, Skipped)] == [".png"]


def test_names_in_an_archive_are_read_as_macos_writes_them() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Größe.txt", "text")
    unmarked = packed.getvalue().replace(b"\x00\x08\x00\x00", b"\x00\x00\x00\x00")  # of UTF-8, the flag
    assert [one.id for one in documents(read("a.zip", unmarked))] == ["docs/a.zip/Größe.txt"]


@pytest.mark.parametrize("named", ["", "; charset=utf-8", "; charset=us-ascii", "; charset=unheard-of"])
def test_a_mail_that_names_no_encoding_or_a_wrong_one_keeps_its_letters(named: str) -> None:
    head = f"Subject: Pump\nDate: Tue, 03 Mar 2026 09:12:00 +0100\nContent-Type: text/plain{named}\n\n"
    mail = only("a.eml", head.encode() + "Grüße aus der Werkstätte".encode("latin-1"))
    assert (mail.text, mail.metadata) == ("Grüße aus der Werkstätte", {"date": "2026-03-03T09:12:00+01:00"})


def test_a_date_of_a_mail_that_is_none_is_kept_as_it_stands() -> None:
    assert only("a.eml", "Date: next week\n\nThe pump.").metadata == {"date": "next week"}


def test_navigation_and_footers_of_a_page_are_dropped() -> None:
    prose = "The pump moves water from the lower basin into the upper one, which takes about an hour. " * 8
    page = (
        "<html><head><title>Pumps</title><link rel=canonical href='https://example.org/p'></head><body>"
        f"<nav><a href=/>Home</a><a href=/b>Imprint</a></nav><article><h1>Pumps</h1><p>{prose}</p>"
        f"<h2>Care</h2><p>{prose}</p></article><footer>All rights reserved</footer><script>x()</script></body></html>"
    )
    document = only("a.html", page)
    assert (document.title, document.metadata) == ("Pumps", {"url": "https://example.org/p"})
    assert "The pump moves water" in document.text
    assert not any(word in document.text for word in ("Imprint", "All rights", "x()"))
    assert ("Care", ("Pumps", "Care"), None) in places(document)


def test_a_heading_in_a_cell_is_parted_from_the_text_after_it() -> None:
    page = "<html><body><table><tr><td><h3>Pumps</h3>are red</td><td>and loud</td></tr></table></body></html>"
    assert only("a.html", page).text.startswith("Pumps are red")


def multipart(kind: str, *parts: str) -> str:
    sign = f"{kind}-{len(parts)}"
    return (
        f'Content-Type: multipart/{kind}; boundary="{sign}"\n\n--{sign}\n'
        + f"\n--{sign}\n".join(parts)
        + f"\n--{sign}--\n"
    )


def attachment(name: str, content: str) -> str:
    return f'Content-Type: text/plain\nContent-Disposition: attachment; filename="{name}"\n\n{content}'


def test_a_mail_gives_subject_text_and_attachments_that_are_documents_too() -> None:
    head = "From: a@example.org\nTo: b@example.org\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nMIME-Version: 1.0\n"
    plain, page = "Content-Type: text/plain\n\nThe pump.", "Content-Type: text/html\n\n<p>The same pump."
    parts = [attachment(name, name) for name in ("plan.md", "x.png", "../plan.md")]
    items = read("a.eml", head + multipart("mixed", multipart("alternative", plain, page), *parts))
    mail, *attached = documents(items)
    assert (mail.title, mail.text) == ("Größe", "The pump.\n\nAttachments: plan.md, x.png, ../plan.md")
    assert mail.metadata == {
        "from": "a@example.org", "to": "b@example.org", "attachments": '["plan.md", "x.png", "../plan.md"]'
    }  # fmt: skip
    assert [(one.id, one.text) for one in attached] == [
        ("docs/a.eml/plan.md", "plan.md"),
        ("docs/a.eml/plan (3).md", "../plan.md"),
    ]
    assert [item.kind for item in items if isinstance(item, Skipped)] == [".png"]


def test_mails_in_a_mail_stand_under_their_subjects_with_all_that_is_attached_to_them() -> None:
    inner = "Subject: Inner\nFrom: c@example.org\n" + multipart(
        "mixed", "\nThe valve.", attachment("plan.md", "The plan.")
    )
    nested = f"Content-Type: message/rfc822\nContent-Disposition: attachment\n\n{inner}"
    mail, plan = documents(read("a.eml", "Subject: Outer\n" + multipart("mixed", "\nThe pump.", nested, "\nThe end.")))
    text = "The pump.\n\nInner\n\nFrom: c@example.org\n\nThe valve.\n\nThe end.\n\nAttachments: plan.md"
    assert (mail.title, mail.text) == ("Outer", text)
    assert (plan.id, plan.text) == ("docs/a.eml/plan.md", "The plan.")


def test_json_lists_of_texts_are_tables_and_all_else_is_text() -> None:
    rows = documents(read("a.json", '[{"id": "x", "text": "one"}, {"id": "y", "text": "two"}]'))
    assert [(row.id, row.text) for row in rows] == [("x", "one"), ("y", "two")]
    tree = only("b.json", '{"pump": {"size": [4, 5], "note": null}, "on": true}')
    assert tree.text == "pump.size: 4\npump.size: 5\non: True"


@pytest.mark.parametrize("suffix", [".rst", ".adoc", ".org"])
def test_markup_without_a_reader_of_its_own_is_text(suffix: str) -> None:
    assert only(f"guide{suffix}", "Title\n=====\n\ntext").text == "Title\n=====\n\ntext"


def test_content_goes_before_the_name(samples: Mapping[str, bytes]) -> None:
    names = {suffix: format_of(Opened("report.txt", "", io.BytesIO(raw))).name for suffix, raw in samples.items()}
    by_suffix = {suffix: one.name for one in FORMATS for suffix in one.suffixes}
    assert names == {suffix: by_suffix[suffix] for suffix in samples}
    assert format_of(Opened("page.pdf", "", io.BytesIO(b"<!DOCTYPE html><p>x"))).name == "HTML"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "'docs/a.docx' is an old Office file or mail, or an encrypted one. Save it without a password, as .docx, "
            ".pptx, .xlsx or .eml.",
        ),
        ("a.docx", b"PK\x03\x04 cut", "'docs/a.docx' is damaged: File is not a zip file."),
        ("a.json", b"[1", "'docs/a.json' isn't JSON: Expecting ',' delimiter: line 1 column 3 (char 2)."),
    ],
)
def test_a_file_that_can_not_be_read_says_why(name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(name, content)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.eml", "a.json"])
def test_a_file_without_text_is_reported(name: str) -> None:
    content = {"a.json": "{}", "a.html": "<html><script>x</script></html>"}.get(name, " \n")
    with pytest.raises(EmptyText):
        read(name, content)


def test_a_pdf_of_pictures_is_reported_with_what_to_do(pdf_of) -> None:
    with pytest.raises(EmptyText) as caught:
        read("scan.pdf", pdf_of("", ""))
    assert str(caught.value) == (
        "'docs/scan.pdf' holds no text on its 2 pages: they are pictures. Run it through an OCR program."
    )
