"""Lenient parsing of MIME messages: real mail breaks every rule, and the service accepts it all."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from typing import Any, cast

from omnivery.emulator.message import StoredFile

LONGEST_HEADER = 10_000
"""Most characters of a header that is parsed: the standard library takes seconds for one of 100,000."""
MOST_PARTS, MOST_LEVELS = 1_000, 200
"""Most parts of a message that are told apart, and most of these that have parts. The text of one with more is all in
one."""


def read_mime(text: bytes) -> EmailMessage:
    """Parse a MIME message. This never fails: what cannot be parsed is empty."""
    policy = cast("Policy[EmailMessage]", _Lenient())  # generic only for type checkers
    if _has_too_many_parts(text):
        # Without its type, the parser looks for no parts.
        head, separator, body = _split(text)
        text = _CONTENT_TYPE.sub(rb"X-\1", head) + separator + body
    return message_from_bytes(text, policy=policy)


def raw_headers(parsed: EmailMessage) -> list[tuple[str, str]]:
    """Return the names and unfolded values of the message's headers, as they were sent."""
    return [(name, "".join(str(value).splitlines())) for name, value in parsed.raw_items()]


def parts_of(parsed: EmailMessage) -> dict[str, Any]:
    """Return the parts that a stored message has: `subject`, `text`, `html`, `attachments` and `inline`."""
    subject = str(parsed["subject"]) if parsed["subject"] else None
    try:
        return {"subject": subject, **_bodies_and_files(parsed)}
    except RecursionError:  # parts within parts within parts
        return {"subject": subject}


def _bodies_and_files(parsed: EmailMessage) -> dict[str, Any]:
    text, html = _body(parsed, "plain"), _body(parsed, "html")
    bodies = [part for part in (text, html) if part]
    files = [part for part in parsed.walk() if not part.is_multipart() and part not in bodies]
    inline = [part for part in files if part.get_content_disposition() == "inline"]
    return {
        "text": _text(text) if text else None,
        "html": _text(html) if html else None,
        "attachments": tuple(_file(part) for part in files if part not in inline),
        "inline": tuple(_file(part) for part in inline),
    }


class _Lenient(EmailPolicy):
    def header_fetch_parse(self, name: str, value: str) -> Any:
        try:
            return super().header_fetch_parse(name, value if len(value) <= LONGEST_HEADER else "")
        except Exception:  # noqa: BLE001  # the standard library's parser fails in many ways: IndexError for a single quote
            return super().header_fetch_parse(name, "")


_CONTENT_TYPE = re.compile(rb"^(content-type:)", re.IGNORECASE | re.MULTILINE)
_EMPTY_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def _has_too_many_parts(text: bytes) -> bool:
    # 1. Parts begin with a boundary, which begins with two hyphens, on a line of its own.
    if text.count(b"\n--") + text.count(b"\r--") > 2 * MOST_PARTS:
        return True
    types = text.lower()
    # 2. Each level within levels takes time for each line below it, and messages within messages have no boundary.
    if types.count(b"message/rfc822") + types.count(b"multipart/") > MOST_LEVELS:
        return True
    # 3. A delivery status has as many parts as it has empty lines.
    return b"message/delivery-status" in types and len(_EMPTY_LINE.findall(text)) > MOST_PARTS


def _split(text: bytes) -> tuple[bytes, bytes, bytes]:
    """Split at the first empty line."""
    found = _EMPTY_LINE.search(text)
    return (text[: found.start()], found.group(), text[found.end() :]) if found else (text, b"", b"")


def _body(parsed: EmailMessage, kind: str) -> Any:
    try:
        return parsed.get_body((kind,))
    except AttributeError:  # there is a multipart without parts
        return None


def _text(part: Any) -> str:
    try:
        text: str = part.get_content()
    except (LookupError, ValueError):  # a charset that Python does not know, or that is not for text
        text = _bytes(part).decode("utf-8", "replace")
    return text


def _file(part: Any) -> StoredFile:
    return StoredFile(name=part.get_filename() or "", media_type=part.get_content_type(), content=_bytes(part))


def _bytes(part: Any) -> bytes:
    content: bytes | None = part.get_payload(decode=True)
    return content or b""
