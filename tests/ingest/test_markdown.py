import io

import pytest

from ingest.documents import Document
from ingest.readers.found import Opened
from ingest.readers.markdown import find_headings, read_markdown, split_front_matter


def read(text: str) -> Document:
    (found,) = read_markdown(Opened("docs/setup-guide.md", "/docs/setup-guide.md", io.BytesIO(text.encode())))
    return found.document


def test_sections_carry_the_path_of_their_headings() -> None:
    document = read("intro\n\n# Guide\n\n## Install\n\n### Linux\n\napt\n\n## Use\n\nrun")
    paths = {document.text[section.start :].split("\n")[0]: section.headings for section in document.sections}
    assert paths == {
        "# Guide": ("Guide",),
        "## Install": ("Guide", "Install"),
        "### Linux": ("Guide", "Install", "Linux"),
        "## Use": ("Guide", "Use"),
    }


def test_code_and_what_only_looks_like_a_heading_is_none() -> None:
    text = "```sh\n# comment\n~~~\n```\n#tag\n~~~~\n# code\n~~~\n~~~~\n    # deep\n| a |\n---\n# Real ##\n####### seven"
    assert [name for _, _, name in find_headings(text)] == ["Real"]


def test_a_hash_that_belongs_to_the_name_stays() -> None:
    names = [name for _, _, name in find_headings("# C#\n## F# ##\n#\n" + "# " + " #" * 50_000)]
    assert names[:3] == ["C#", "F#", ""]


def test_underlined_headings_and_anchors_are_read() -> None:
    text = "Guide\n=====\n\nInstall\n---\n\n### Linux {#linux}"
    assert list(find_headings(text)) == [(0, 1, "Guide"), (13, 2, "Install"), (26, 3, "Linux")]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 'From matter'\n---\n# Heading", "From matter"),
        ("## Second\n# First", "First"),
        ("## Second only", "setup-guide"),
    ],
)
def test_the_title_is_front_matter_else_first_top_heading_else_file_name(text: str, title: str) -> None:
    assert read(text).title == title


def test_front_matter_becomes_metadata_and_leaves_the_text() -> None:
    text = '---\nid: setup.md\nrelated_key: "a: b"\ntags:\n  - one\n  - two\n---\n\n# Guide'
    assert split_front_matter(text) == (
        {"id": "setup.md", "related_key": "a: b", "tags": "- one - two"},
        "# Guide",
    )


def test_a_rule_at_the_start_is_not_front_matter() -> None:
    assert split_front_matter("---\nno end") == ({}, "---\nno end")
