"""Text from outside, made safe for places where Streamlit reads Markdown.

Labels, captions, alerts and `st.markdown` read Markdown; `st.text`, select boxes and input fields don't.
Whatever a file, a person or an encoder's folder says goes through `plain` before it meets the former.
"""

import re
from urllib.parse import quote, urlsplit

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # all of ASCII's: each may be escaped, and no list of dangers goes stale
_JOINER = "\u2060"  # a sign without width
_FOUND_LATE = re.compile(  # what Streamlit looks for after the escapes are gone: arrows and dashes, links, its logo
    r"(?<=(?<!\S)[-<>~])(?=[->=]+(?!\S))|(?<=://)(?=\S)|(?<=www)(?=\.)|(?<=@)(?=[\w-]+\.\w)|(?<=:streamlit)(?=:)",
    re.IGNORECASE,
)
_URL_SAFE = "/:?&=#%+,;@~!$'*-._"


def plain(text: str) -> str:
    """Markdown that shows exactly this text, on one line."""
    joined = _FOUND_LATE.sub(_JOINER, " ".join(text.split()))
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


def excerpt(text: str, characters: int) -> str:
    """The beginning of a text on one line, cut between two words where there is a gap."""
    line = " ".join(text.split())
    if len(line) <= characters:
        return line
    head, after = line[: characters - 2], line[characters - 2]
    cut = head if after == " " or " " not in head else head[: head.rindex(" ")]
    return f"{cut.rstrip()} …"
