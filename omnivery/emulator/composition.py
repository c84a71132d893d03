"""MIME text of accepted messages: as it was sent, or composed of the fields and files of the request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Any, cast
from urllib.parse import quote

from omnivery.emulator.address_rules import read_list
from omnivery.emulator.header_field import write_field
from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.payload import user_variables
from omnivery.emulator.placeholders import Placeholders

POLICY = cast("Policy[EmailMessage]", SMTP.clone(cte_type="7bit"))
"""Lines end as in SMTP, and have ASCII characters only, which every server accepts."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters and ends of lines, which no file name has."""
HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
"""Name of a header field (RFC 5322, section 3.6.8)."""
OURS = re.compile(r"(content-.*|mime-version|bcc|received|return-path)", re.IGNORECASE)
"""Header fields that a caller does not set: of the structure, of the transport, and Bcc, which must not show."""
BCC = re.compile(rb"^(?:resent-)?bcc:.*\n(?:[ \t].*\n)*", re.IGNORECASE | re.MULTILINE)
MEDIA_TYPE = re.compile(r"([\w.+-]+)/([\w.+-]+)", re.ASCII)
CHARSET = re.compile(r"""charset\s*=\s*"?([\w.:+-]+)""", re.IGNORECASE | re.ASCII)


def compose(message: StoredMessage, *, recipient: str | None = None) -> bytes:
    """Return the MIME text of a message, with CRLF line ends and without Bcc.

    Args:
        message: the message.
        recipient: whom the text is for. Its own variables are put in, and To names nobody else. Without a recipient,
            there are no such variables, and To names all the recipients of the request.
    """
    placeholders = Placeholders(message, recipient=recipient)
    if message.mime is not None:
        return placeholders.fill_bytes(_sent(message.mime))
    fields: dict[str, bytes] = {}
    for name, value in _headers(message, recipient):
        if filled := placeholders.fill(value).strip():
            fields[name.lower()] = write_field(name, filled)
    whole = EmailMessage(policy=POLICY)
    _set_body(whole, message, placeholders.fill)
    # The generator writes the fields of the structure, which are the only ones that this message has.
    return b"".join(fields.values()) + whole.as_bytes()


def _sent(mime: bytes) -> bytes:
    header, blank, body = mime.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n\n")
    return (BCC.sub(b"", header + b"\n") + blank[1:] + body).replace(b"\n", b"\r\n")


def _headers(message: StoredMessage, recipient: str | None) -> Iterator[tuple[str, str]]:
    """All header fields but those of the structure. A later one replaces an earlier one of the same name."""
    to = ", ".join(message.values("to")) if recipient is None else _mailbox_of(recipient, message)
    yield "From", message.value("from") or message.sender
    yield "To", to
    if recipient is None:
        yield "Cc", ", ".join(message.values("cc"))
    yield "Reply-To", message.value("reply_to") or ""
    yield "Subject", message.subject or ""
    yield "Date", format_datetime(message.received_at)
    yield "Message-ID", message.id
    if tags := message.values("o:tag"):
        yield "X-OV-Tag", ", ".join(tags)
    if variables := user_variables(message):
        yield "X-OV-Variables", json.dumps(variables)  # in ASCII, and with spaces to fold it at
    for name, value in message.fields:
        if name.startswith("h:") and HEADER_NAME.fullmatch(name[2:]) and not OURS.fullmatch(name[2:]):
            yield name[2:], value


def _mailbox_of(recipient: str, message: StoredMessage) -> str:
    """The recipient, with the display name that the request gave."""
    found = (mailbox for value in message.values("to") for mailbox in read_list(value)[0])
    name = next((mailbox.name for mailbox in found if mailbox.address.lower() == recipient.lower()), "")
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{quoted}" <{recipient}>' if name else recipient


def _set_body(whole: EmailMessage, message: StoredMessage, fill: Callable[[str], str]) -> None:
    html, amp = message.html, message.value("amp-html")
    text = message.text if message.text is not None or html or amp else _template_note(message)
    bodies = [(kind, fill(body)) for kind, body in (("plain", text), ("x-amp-html", amp), ("html", html)) if body]
    for place, (kind, body) in enumerate(bodies or [("plain", "")]):
        add = whole.add_alternative if place else whole.set_content
        add(_storable(body), subtype=kind)
    # Without HTML that shows them, inline files are attachments.
    shown_in = whole.get_body(("html",)) if html else None
    for file in message.inline:
        _add_file(whole.add_attachment if shown_in is None else shown_in.add_related, file)
    for file in message.attachments:
        _add_file(whole.add_attachment, file, disposition="attachment")


def _template_note(message: StoredMessage) -> str | None:
    """What stands for the body of a message that the service would make of a template, which the emulator has not."""
    if not (template := message.value("template")):
        return None
    variables = message.value("t:variables") or message.value("template_variables") or "{}"
    return f"The service makes this message of the template {template!r} with these variables:\n{variables}\n"


def _add_file(add: Callable[..., None], file: StoredFile, *, disposition: str = "inline") -> None:
    match = MEDIA_TYPE.match(file.media_type.strip())
    main, sub = (match[1].lower(), match[2]) if match else ("application", "octet-stream")
    if main in {"multipart", "message"}:  # RFC 2046, section 5: these must not be encoded in base64
        main, sub = "application", "octet-stream"
    name = _storable(CONTROL.sub(" ", file.name))
    options: dict[str, Any] = {"cid": f"<{quote(name, safe='@.+-_~')}>"} if disposition == "inline" else {}
    if charset := CHARSET.search(file.media_type):
        options["params"] = {"charset": charset[1]}
    add(file.content, maintype=main, subtype=sub, disposition=disposition, filename=name or None, **options)


def _storable(text: str) -> str:
    """The text without halves of surrogate pairs, which have no UTF-8."""
    return text.encode("utf-8", "replace").decode()
