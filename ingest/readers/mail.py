"""EML: subject, text and the names of what is attached; plain text is taken before HTML."""

import email
import email.policy
from collections.abc import Iterator
from email.message import MIMEPart

from ingest.cleaning import clean_line
from ingest.readers.building import TextBuilder
from ingest.readers.decoding import read_text, wide_encoding_of
from ingest.readers.found import Found, Opened
from ingest.readers.markup import add_html, parse_html

_KEPT = ("from", "to", "date")


def read_eml(file: Opened) -> Iterator[Found]:
    """The one document of the mail, titled by its subject."""
    mail = email.message_from_bytes(_raw(file), policy=email.policy.default)
    builder = TextBuilder(file)
    body = mail.get_body(("plain", "html"))
    if body is not None:
        _add_body(builder, body)
    names = [clean_line(name) for part in mail.iter_attachments() if (name := part.get_filename())]
    if names:
        builder.add(f"Attachments: {', '.join(names)}")
    metadata: dict[str, object] = {name: str(mail[name]) for name in _KEPT if mail[name]}
    yield builder.document(str(mail["subject"] or ""), metadata | ({"attachments": names} if names else {}))


def _raw(file: Opened) -> bytes:
    """The mail as bytes in which ASCII is ASCII; some programs save it in UTF-16."""
    return read_text(file).encode() if wide_encoding_of(file) else file.stream.read()


def _add_body(builder: TextBuilder, body: MIMEPart) -> None:
    payload = body.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    text = content.decode(_charset(body), errors="replace")
    if body.get_content_subtype() == "html":
        if (page := parse_html(text.encode(errors="ignore"))) is not None:
            add_html(builder, page)
    else:
        builder.add(text)


def _charset(body: MIMEPart) -> str:
    named = str(body.get_content_charset("utf-8"))
    try:
        "".encode(named)
    except LookupError:
        return "utf-8"
    return named
