"""EML: subject and text, also of mails within it; an attachment is read as if it lay in a folder of the mail's name.

Of several versions of one text, plain text is taken before HTML.
"""

import email
import email.policy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import EmailMessage
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from typing import cast

from ingest.cleaning import clean_line
from ingest.errors import ReadError
from ingest.readers.archives import inner_path
from ingest.readers.building import TextBuilder
from ingest.readers.decoding import decode, read_text, wide_encoding_of
from ingest.readers.found import Found, Member, Opened
from ingest.readers.markup import add_html, parse_html

_KEPT = ("from", "to", "date")
_PLAIN, _HTML = "text/plain", "text/html"
_VERSIONS, _MAIL = "multipart/alternative", "message/rfc822"


def read_eml(file: Opened) -> Iterator[Found | Member]:
    """The mail, titled by its subject, then what is attached to it."""
    mail = email.message_from_bytes(_raw(file), policy=email.policy.default)
    builder = TextBuilder(file)
    attached = _add_parts(builder, mail)
    names = [clean_line(part.get_filename("")) for part in attached]
    if names:
        builder.add(f"Attachments: {', '.join(names)}")
    metadata: dict[str, object] = {name: _value(mail, name) for name in _KEPT if mail[name]}
    yield builder.document(str(mail["subject"] or ""), metadata | ({"attachments": names} if names else {}))
    for number, (part, path) in enumerate(zip(attached, _paths(names), strict=True)):
        if path:
            yield Member(number, path, file.modified, partial(_content, part))


def _value(mail: EmailMessage, name: str) -> object:
    """A header's text; of the date, if it is one, the time."""
    return getattr(mail[name], "datetime", None) or str(mail[name])


def _raw(file: Opened) -> bytes:
    """The mail as bytes in which ASCII is ASCII; some programs save it in UTF-16."""
    return read_text(file).encode() if wide_encoding_of(file) else file.stream.read()


def _add_parts(builder: TextBuilder, mail: EmailMessage) -> list[EmailMessage]:
    """Add the texts of the mail and of mails within it, each under its subject; the parts that have a file's name."""
    attached: list[EmailMessage] = []
    waiting = [(mail, True)]
    while waiting:
        part, is_shown = waiting.pop()
        if part.is_multipart():
            if part.get_content_type() == _MAIL and is_shown:
                _add_head(builder, part)
            inner = cast(list[EmailMessage], part.get_payload())
            has_plain = part.get_content_type() == _VERSIONS and any(map(_is_plain, inner))
            waiting.extend((one, is_shown and (_is_plain(one) or not has_plain)) for one in reversed(inner))
        elif part.get_filename() and part is not mail:
            attached.append(part)
        elif is_shown:
            _add_text(builder, part)
    return attached


def _is_plain(part: EmailMessage) -> bool:
    return part.get_content_type() == _PLAIN and not part.get_filename() and bool(_content(part).strip())


def _add_head(builder: TextBuilder, part: EmailMessage) -> None:
    for mail in cast(list[EmailMessage], part.get_payload()):
        builder.heading(1, str(mail["subject"] or ""))
        builder.add("\n".join(f"{name.capitalize()}: {mail[name]}" for name in _KEPT if mail[name]))


def _add_text(builder: TextBuilder, part: EmailMessage) -> None:
    if part.get_content_type() not in (_PLAIN, _HTML):
        return
    text = _text_of(builder.file, part)
    if part.get_content_type() == _PLAIN:
        builder.add(text)
    elif (page := parse_html(text.encode(errors="ignore"))) is not None:
        add_html(builder, page)


def _text_of(file: Opened, part: EmailMessage) -> str:
    """In the encoding that it names; where that is wrong, or none is named, in the one that it looks like."""
    content = _content(part)
    try:
        return content.decode(_charset(part))
    except UnicodeDecodeError:
        pass
    try:
        return decode(replace(file, stream=BytesIO(content)))
    except ReadError:
        return content.decode(_charset(part), errors="replace")


def _content(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _charset(part: EmailMessage) -> str:
    named = str(part.get_content_charset("utf-8"))
    try:
        "".encode(named)
    except LookupError:
        return "utf-8"
    return named


def _paths(names: Sequence[str]) -> Iterator[str]:
    """A path for each attachment, no two of them the same; empty for one that isn't wanted."""
    taken: set[str] = set()
    for number, name in enumerate(names, start=1):
        path = PurePosixPath(inner_path(name)).name
        own = path if path not in taken else f"{PurePosixPath(path).stem} ({number}){PurePosixPath(path).suffix}"
        taken.add(own)
        yield own
