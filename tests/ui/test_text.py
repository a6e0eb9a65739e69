import pytest

from ui.components.text import excerpt, is_web, link, paragraphs, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two words", "two words"),
        ("**bold** _it_", r"\*\*bold\*\* \_it\_"),
        ("<b>&amp;", r"\<b\>\&amp\;"),
        ("![x](http://e.example/x.png)", "\\!\\[x\\]\\(http\\:\\/\\/\u2060e\\.example\\/x\\.png\\)"),
        (":red[x] :material/home:", r"\:red\[x\] \:material\/home\:"),
        ("$x$ `y` 1. #", r"\$x\$ \`y\` 1\. \#"),
        ("a\n\n    b", "a b"),
    ],
)
def test_plain_escapes_every_sign_that_markdown_could_read(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize("text", ["a -> b", "a <-> b", "a -- b", "a >= b", "www.x.org", "me@x.org", ":streamlit:"])
def test_plain_parts_with_a_joiner_what_is_looked_for_after_parsing(text: str) -> None:
    assert "\u2060" in plain(text)


def test_plain_leaves_the_names_of_metrics_alone() -> None:
    assert "\u2060" not in plain("nDCG@10 of 0.6.")


def test_plain_leaves_options_of_commands_to_be_copied() -> None:
    assert plain("run --encoder x").replace("\\", "") == "run --encoder x"


def test_a_title_leads_to_its_source_only_when_that_is_a_web_page() -> None:
    assert link("A [b]", "https://x.org/a b>(c)") == r"[A \[b\]](<https://x.org/a%20b%3E%28c%29>)"
    assert link("A", "javascript:alert(1)") == "A"
    assert link("A", "notes/a.txt") == "A"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "http://", "//x.org", "http://[", "data:,"]
)
def test_only_http_urls_with_a_host_are_web_pages(url: str) -> None:
    assert not is_web(url)


def test_an_excerpt_is_cut_between_words() -> None:
    assert excerpt("one two three", 9) == "one two …"
    assert excerpt("one two three", 10) == "one two …"
    assert excerpt("one\ntwo three", 7) == "one …"
    assert excerpt("abcdefghij", 5) == "abc …"
    assert excerpt("one two", 7) == "one two"


def test_paragraphs_keep_their_breaks_and_lose_those_of_their_lines() -> None:
    assert paragraphs("copy(src, dst)\n\n\n Copy a\n file.\n") == "copy(src, dst)\nCopy a file."
