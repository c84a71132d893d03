"""Lenient parsing of MIME messages: real mail breaks every rule, and the service accepts it all."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from typing import Any, cast

from omnivery.emulator.message import StoredFile


def read_mime(text: bytes) -> EmailMessage:
    """Parse a MIME message. This never fails: what cannot be parsed is empty."""
    policy = cast("Policy[EmailMessage]", _Lenient())  # generic only for type checkers
    return message_from_bytes(text, policy=policy)


def parts_of(parsed: EmailMessage) -> dict[str, Any]:
    """Return the parts that a stored message has: `subject`, `text`, `html`, `attachments` and `inline`."""
    text, html = _body(parsed, "plain"), _body(parsed, "html")
    bodies = [part for part in (text, html) if part]
    files = [part for part in parsed.walk() if not part.is_multipart() and part not in bodies]
    inline = [part for part in files if part.get_content_disposition() == "inline"]
    return {
        "subject": str(parsed["subject"]) if parsed["subject"] else None,
        "text": _text(text) if text else None,
        "html": _text(html) if html else None,
        "attachments": tuple(_file(part) for part in files if part not in inline),
        "inline": tuple(_file(part) for part in inline),
    }


class _Lenient(EmailPolicy):
    def header_fetch_parse(self, name: str, value: str) -> Any:
        try:
            return super().header_fetch_parse(name, value)
        except Exception:  # noqa: BLE001  # the standard library's parser fails in many ways: IndexError for a single quote
            return super().header_fetch_parse(name, "")


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
