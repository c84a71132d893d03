"""MIME messages that are ready to be sent: who gets them, and what must not stand in them."""

from __future__ import annotations

import re
from email import policy
from email.message import Message as MimeMessage
from typing import TYPE_CHECKING

from attrs import field, frozen

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from email.headerregistry import Address

_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = rb"[ \t]*:(.*\r\n(?:[ \t].*\r\n)*)"
"""What follows a field's name: its value, with continuation lines."""
_HIDDEN = re.compile(rb"(?im)^(?:resent-)?bcc" + _FIELD)
_RECIPIENTS = re.compile(rb"(?im)^(?:to|cc|bcc)" + _FIELD)


@frozen(kw_only=True)
class Mime:
    """A MIME message as it goes out."""

    content: bytes = field(repr=False)
    """Its text, without Bcc fields, lines ended by CRLF as SMTP wants them."""
    recipients: tuple[str, ...] = field(repr=False)
    """The bare addresses in its To, Cc and Bcc fields, each once."""

    @classmethod
    def of(cls, mime: bytes | str | MimeMessage) -> Mime:
        """Make a message ready.

        Bcc and Resent-Bcc are taken out of it, because everybody who gets it could read them. All else stays as it is,
        byte by byte but for line ends, so that signatures in it remain valid.

        Raises:
            ConfigError: it is empty, or nothing of the kind.
        """
        # A blank line in front would end the header before it has begun.
        text = _LINE_END.sub(b"\r\n", _serialised(mime)).lstrip(b"\r\n")
        if not text:
            raise ConfigError("mime: the message is empty. Nothing was sent.")
        head, blank, body = text.partition(b"\r\n\r\n")
        head += b"" if head.endswith(b"\r\n") else b"\r\n"
        rest = b"\r\n" + body if blank else b""
        return cls(content=_HIDDEN.sub(b"", head) + rest, recipients=_recipients(head))


def _serialised(mime: object) -> bytes:
    if isinstance(mime, bytes):
        return mime
    try:
        if isinstance(mime, str):
            # The error handler with which the standard library reads bytes that are no text.
            return mime.encode("utf-8", "surrogateescape")
        if isinstance(mime, MimeMessage):
            # Its own policy, but for line ends: policy.SMTP would fold long lines anew, and break what is signed.
            return mime.as_bytes(policy=mime.policy.clone(linesep="\r\n"))
    except UnicodeEncodeError:
        raise ConfigError("mime: it holds what is no Unicode text. Nothing was sent.") from None
    raise ConfigError(
        f"mime: expected bytes, text or an email.message.EmailMessage, not {type(mime).__name__}. Nothing was sent."
    )


def _recipients(head: bytes) -> tuple[str, ...]:
    found: dict[str, None] = {}
    # Not by the standard library's parser, to which the header ends at the first line that it does not understand.
    for value in _RECIPIENTS.findall(head):
        unfolded = value.replace(b"\r\n", b"").decode("utf-8", "surrogateescape")
        addresses: tuple[Address, ...] = policy.default.header_factory("to", unfolded).addresses
        found.update((one.addr_spec, None) for one in addresses if one.domain)
    return tuple(found)
