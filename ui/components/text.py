"""Text from outside, made safe for places where Streamlit reads Markdown.

Labels, captions, alerts and `st.markdown` read Markdown; `st.text`, select boxes and input fields don't.
Whatever a file, a person or an encoder's folder says goes through `plain` before it meets the former.
"""

import re
from urllib.parse import quote, urlsplit

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # all of ASCII's: each may be escaped, and no list of dangers goes stale
_GAP = re.compile(r"\n\s*\n")
_JOINER = "\u2060"  # a sign without width
_FOUND_LATE = re.compile(  # what Streamlit looks for after the escapes are gone: arrows and dashes, links, its logo
    r"(?<=(?<!\S)[-<>~])(?=[->=]+(?!\S))|(?<=://)(?=\S)|(?<=www)(?=\.)|(?<=@)(?=[\w-]+\.\w)|(?<=:streamlit)(?=:)",
    re.IGNORECASE,
)
_URL_SAFE = "/:?&=#%+,;@~!$'*-._"


def plain(text: str) -> str:
    """Markdown that shows exactly this text, on one line."""
    joined = _FOUND_LATE.sub(_JOINER, one_line(text))
    return _PUNCTUATION.sub(lambda found: "\\" + found[0], joined)


def link(text: str, url: str) -> str:
    """Markdown for the text, leading to the URL if that is one of the web; else the text alone."""
    return f"[{plain(text)}](<{quote(url, safe=_URL_SAFE)}>)" if is_web(url) else plain(text)


def is_web(url: str) -> bool:
    """Whether it is an http or https URL; anything else (`javascript:`, a path) is never linked."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def one_line(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def paragraphs(text: str) -> str:
    """The text with a line break between two paragraphs only; lines that were broken to fit a width flow again."""
    return "\n".join(one_line(part) for part in _GAP.split(text) if part.strip())


def excerpt(text: str, characters: int) -> str:
    """The beginning of a text, cut between two words where there is a gap."""
    if len(text) <= characters:
        return text
    head, after = text[: characters - 2], text[characters - 2]
    gap = len(head) if after.isspace() else max(head.rfind(" "), head.rfind("\n"))
    return f"{(head[:gap] if gap > 0 else head).rstrip()} …"
