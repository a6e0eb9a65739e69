"""HTML: the main content of a page; navigation, headers, footers and adverts are dropped.

A page in which no main content can be told, as in small ones, is taken whole.
"""

import re
from collections.abc import Iterator
from typing import Any

from ingest.readers.building import TextBuilder
from ingest.readers.decoding import read_text
from ingest.readers.found import Found, Opened
from ingest.readers.markup import add_html, parse_html

_LARGE_CHARACTERS = 5_000_000  # the search for the main content takes seconds a megabyte
_SHORT_SHARE = 0.1  # of the page's text: less than that and the main content was missed
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


def read_html(file: Opened) -> Iterator[Found]:
    """The one document of the page, titled by its title, its first heading or the file's name."""
    content = _LONE_SURROGATES.sub("", read_text(file)).encode()
    page = parse_html(content)
    whole = TextBuilder(file)
    if page is None:
        yield whole.document()
        return
    title, url = page.findtext(".//title") or "", _address(page)
    add_html(whole, page)
    main = TextBuilder(file)
    if len(content) <= _LARGE_CHARACTERS and (body := _main_content(content)) is not None:
        add_html(main, body)
    kept = main if main.length > _SHORT_SHARE * whole.length else whole
    yield kept.document(title, {"url": url} if url else {})


def _main_content(content: bytes) -> Any:
    import trafilatura  # takes half a second
    from lxml import etree

    page = trafilatura.extract(
        etree.tostring(parse_html(content), encoding="unicode", method="html"),
        output_format="html",
        include_comments=False,
        include_tables=True,
        favor_recall=True,
    )
    return parse_html(page.encode()) if page else None


def _address(page: Any) -> str:
    """Where the page says that it is to be found."""
    for link in page.iterfind(".//link[@rel='canonical']"):
        if str(link.get("href", "")).startswith(("http://", "https://")):
            return str(link.get("href"))
    return ""
