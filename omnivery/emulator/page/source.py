"""A message as MIME text: as it was sent, or composed of the fields and files of its request."""

from __future__ import annotations

import re
from email import encoders
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.mime import read_mime

FOLDS = re.compile(r"[\r\n]+[ \t]*")
TOKEN = re.compile(r"[^\w.+-]", re.ASCII)


def headers(message: StoredMessage) -> list[tuple[str, str]]:
    """Return the header fields of a message, in their order, unfolded."""
    if message.mime is not None:
        return [(name, _one_line(str(value))) for name, value in read_mime(message.mime).raw_items()]
    own = [(name[2:], _one_line(value)) for name, value in message.fields if name.startswith("h:")]
    written = {name.lower() for name, _ in own}
    return [*((name, value) for name, value in _usual(message) if name.lower() not in written), *own]


def source(message: StoredMessage) -> bytes:
    """Return the MIME text of a message."""
    if message.mime is not None:
        return message.mime
    whole = _body(message)
    for name, value in headers(message):
        plain = value.encode("utf-8", "replace").decode()
        whole[TOKEN.sub("-", name)] = plain if plain.isascii() else Header(plain, "utf-8").encode()
    return whole.as_bytes()


def _usual(message: StoredMessage) -> list[tuple[str, str]]:
    found = {
        "From": message.value("from") or message.sender,
        "To": ", ".join(message.values("to")),
        "Cc": ", ".join(message.values("cc")),
        "Subject": message.subject or "",
        "Date": format_datetime(message.received_at),
        "Message-ID": message.id,
    }
    return [(name, _one_line(value)) for name, value in found.items() if value]


def _one_line(text: str) -> str:
    return FOLDS.sub(" ", text).strip()


def _body(message: StoredMessage) -> MIMEBase:
    texts: list[MIMEBase] = []
    if message.text is not None or message.html is None:
        texts.append(_text(message.text or "", "plain"))
    if message.html is not None:
        html = _text(message.html, "html")
        texts.append(_together("related", [html, *(_file(file, "inline") for file in message.inline)]))
    parts = [_together("alternative", texts), *(_file(file, "attachment") for file in message.attachments)]
    return _together("mixed", parts)


def _together(kind: str, parts: list[MIMEBase]) -> MIMEBase:
    return parts[0] if len(parts) == 1 else MIMEMultipart(kind, None, parts)


def _text(text: str, kind: str) -> MIMEBase:
    return MIMEText(text.encode("utf-8", "replace").decode(), kind, "utf-8")


def _file(file: StoredFile, disposition: str) -> MIMEBase:
    main, _, sub = file.media_type.partition(";")[0].partition("/")
    part = MIMEBase(TOKEN.sub("", main) or "application", TOKEN.sub("", sub) or "octet-stream")
    part.set_payload(file.content)
    encoders.encode_base64(part)
    name = _one_line(file.name).encode("utf-8", "replace").decode()
    part.add_header("Content-Disposition", disposition, filename=("utf-8", "", name))
    if disposition == "inline":
        part.add_header("Content-ID", f"<{TOKEN.sub('-', name)}>")
    return part
