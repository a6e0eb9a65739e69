import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.chunking import ChunkingSettings, chunk_document, fit_title, passage
from ingest.documents import Document, Section

WORDS = st.sampled_from(
    ["word", "Sentence.", "# Head", "\n", "\n\n", "漢字", "🙂", "x" * 70, "```", "- item", "e\u0301"]
)
TEXTS = st.lists(WORDS, max_size=120).map(" ".join)


def words(text: str) -> int:
    return len(text.split()) + 2


def characters(text: str) -> int:
    """Knows no words: what is guessed from words is always too low."""
    return len(text) + 2


def document(text: str, *, title: str = "", origin: str = "/a.txt", sections: tuple[Section, ...] = ()) -> Document:
    return Document(id="a", title=title, text=text, source="a", origin=origin, sections=sections)


@settings(deadline=None)  # the machine may be busy
@example(  # a part that is cut again beside a part that repeats its end
    text="word word word word Sentence. 🙂 word", title="word", origin="/a.txt", count_tokens=characters, overlap=5
)
@given(
    text=TEXTS,
    title=TEXTS,
    origin=st.sampled_from(["/a.txt", "/a.md"]),
    count_tokens=st.sampled_from([words, characters]),
    overlap=st.sampled_from([0, 5]),
)
def test_chunks_cover_the_text_in_order_within_the_budget(
    text: str, title: str, origin: str, count_tokens, overlap: int
) -> None:
    settings = ChunkingSettings(max_tokens=32, overlap_tokens=overlap, max_bytes=128)
    fitted = fit_title(document(text, title=title, origin=origin), settings, count_tokens)
    chunks = chunk_document(fitted, settings, count_tokens)
    covered = set()
    for ordinal, chunk in enumerate(chunks):
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.ordinal == ordinal
        assert chunk.token_count == count_tokens(passage(fitted.title, chunk.headings, chunk.text)) <= 32
        assert len(chunk.text.encode()) <= 128
        covered.update(range(chunk.start, chunk.end))
    assert [chunk.start for chunk in chunks] == sorted(chunk.start for chunk in chunks)
    assert all(text[place].isspace() for place in range(len(text)) if place not in covered)


def test_a_long_text_is_cut_at_its_paragraphs() -> None:
    text = "\n\n".join(["one two three four five six seven eight"] * 4)
    chunks = chunk_document(document(text), ChunkingSettings(max_tokens=20), words)
    assert [words(chunk.text) for chunk in chunks] == [18, 18]


def test_a_text_without_any_break_is_cut_all_the_same() -> None:
    text = "漢" * 100_000
    chunks = chunk_document(document(text), ChunkingSettings(max_tokens=64), characters)
    assert "".join(chunk.text for chunk in chunks) == text


def test_whole_makes_one_chunk_and_counts_all_of_it() -> None:
    settings = ChunkingSettings(max_tokens=16, whole=True)
    (chunk,) = chunk_document(document("word " * 99 + "end", title="Title"), settings, words)
    assert (chunk.start, chunk.end, chunk.token_count) == (0, 498, 103)


def test_a_chunk_carries_the_headings_that_all_of_it_lies_under() -> None:
    text = "intro\nlinux part\nmac part\n" + "other " * 16
    sections = (
        Section(6, ("Guide", "Install", "Linux"), page=1),
        Section(17, ("Guide", "Install", "Mac"), page=2),
        Section(26, ("Guide", "Other"), page=3),
    )
    given_document = document(text, sections=sections)
    settings = ChunkingSettings(max_tokens=24)
    chunks = chunk_document(given_document, settings, words)
    assert [(chunk.headings, chunk.page) for chunk in chunks] == [((), None), (("Guide", "Other"), 3)]
    second = chunk_document(replace(given_document, text=text[:26]), settings, words)
    assert [chunk.headings for chunk in second] == [()]
    inner = replace(given_document, text=text[:26], sections=(Section(0, ("Guide", "Install", "Linux")), *sections[1:]))
    assert [chunk.headings for chunk in chunk_document(inner, settings, words)] == [("Guide", "Install")]


def test_a_heading_is_never_a_chunk_of_its_own_where_it_fits_to_its_text() -> None:
    text = "# Guide\n\n## Install\n\n" + "word " * 20
    sections = (Section(0, ("Guide",)), Section(9, ("Guide", "Install")))
    given_document = document(text.strip(), title="Guide", origin="/a.md", sections=sections)
    chunks = chunk_document(given_document, ChunkingSettings(max_tokens=26), words)
    assert [chunk.text for chunk in chunks] == [text.strip()]


def test_outer_headings_go_when_the_path_takes_more_than_a_quarter() -> None:
    sections = (Section(0, ("an outer heading of six words", "an inner one")),)
    (chunk,) = chunk_document(document("text", sections=sections), ChunkingSettings(max_tokens=16), words)
    assert chunk.headings == ("an inner one",)


@pytest.mark.parametrize(
    ("title", "headings", "text", "read"),
    [
        ("Title", (), "text", "Title text"),
        ("Title", ("Title", "Install"), "run it", "Title Install run it"),
        ("Title", ("Title",), "# Title\n\ntext", "# Title\n\ntext"),
        ("Title", ("Title", "Install"), "## Install\n\nrun", "Title ## Install\n\nrun"),
        ("", (), "text", "text"),
    ],
)
def test_the_passage_says_nothing_twice(title: str, headings: tuple[str, ...], text: str, read: str) -> None:
    assert passage(title, headings, text) == read


def test_a_title_is_cut_at_a_word_where_it_takes_more_than_half() -> None:
    long = document("text", title="one two three four five six seven eight nine ten")
    assert fit_title(long, ChunkingSettings(max_tokens=16), words).title == "one two three four five six"
    assert fit_title(long, ChunkingSettings(max_tokens=32), words) is long


def test_ids_depend_on_document_settings_ordinal_and_text_only() -> None:
    settings = ChunkingSettings(max_tokens=16)
    (chunk,) = chunk_document(document("text"), settings, words)
    (retitled,) = chunk_document(document("text", title="Title"), settings, words)
    (rechunked,) = chunk_document(document("text"), ChunkingSettings(max_tokens=17), words)
    (other,) = chunk_document(replace(document("text"), id="b"), settings, words)
    assert chunk.id == retitled.id
    assert len({chunk.id, rechunked.id, other.id}) == 3


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        (
            {"max_tokens": 8},
            "Chunks of 8 tokens and 8192 bytes can't hold a sentence. Give at least 16 tokens and 64 bytes.",
        ),
        (
            {"max_tokens": 64, "overlap_tokens": 40},
            "An overlap of 40 tokens doesn't fit chunks of 64. Give 0 to 32.",
        ),
    ],
)
def test_sizes_that_leave_no_room_are_refused(sizes: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        ChunkingSettings(**sizes)
