"""MIME messages that are ready to be sent: who gets them, and what must not stand in them."""

from __future__ import annotations

import re
from email import errors, policy
from email.message import Message as MimeMessage
from typing import TYPE_CHECKING

from attrs import field, frozen

from omnivery.errors import ConfigError
from omnivery.transport.multipart import FilePart

if TYPE_CHECKING:
    from email.headerregistry import Address

_LINE_END = re.compile(rb"\r*\n|\r")
"""Of several CR before a LF, as a text file copied twice has them, none is a line of its own: no header ends there."""
_BEFORE_THE_HEADER = re.compile(rb"(?:\xef\xbb\xbf|\r\n)*")
"""A byte order mark would hide the name of the first field, and a blank line the whole header."""
_FIELD = rb"[ \t]*:(.*\r\n(?:[ \t].*\r\n)*)"
"""What follows a field's name: its value, with continuation lines."""
_HIDDEN = re.compile(rb"(?im)^(?:resent-)?bcc" + _FIELD)
_RECIPIENTS = re.compile(rb"(?im)^(?:to|cc|bcc)" + _FIELD)


@frozen(kw_only=True)
class Mime:
    """A MIME message as it goes out."""

    content: bytes = field(repr=False)
    """Its text, without Bcc fields, lines ended by CRLF as SMTP wants them."""
    head: bytes = field(repr=False)
    """Its header as it came, with Bcc fields."""

    @classmethod
    def of(cls, mime: bytes | str | MimeMessage) -> Mime:
        """Make a message ready.

        Bcc and Resent-Bcc are taken out of it, because everybody who gets it could read them. All else stays as it is,
        byte by byte but for line ends and a byte order mark, so that signatures in it remain valid.

        Raises:
            ConfigError: it is empty, or nothing of the kind.
        """
        text = _BEFORE_THE_HEADER.sub(b"", _LINE_END.sub(b"\r\n", _serialised(mime)), count=1)
        if not text:
            raise ConfigError("mime: the message is empty. Nothing was sent.")
        head, blank, body = text.partition(b"\r\n\r\n")
        head += b"" if head.endswith(b"\r\n") else b"\r\n"
        rest = b"\r\n" + body if blank else b""
        return cls(content=_HIDDEN.sub(b"", head) + rest, head=head)

    def recipients(self) -> list[str]:
        """The bare addresses in its To, Cc and Bcc fields, each once.

        Raises:
            ConfigError: one of the fields cannot be read as a whole, and somebody would get nothing.
        """
        # Not by the standard library's parser, to which the header ends at the first line that it does not understand.
        values = (
            value.replace(b"\r\n", b"").decode("utf-8", "surrogateescape") for value in _RECIPIENTS.findall(self.head)
        )
        return list(dict.fromkeys(address for value in values for address in _addresses(value)))

    def as_file(self) -> FilePart:
        """The part of the form that carries it."""
        return FilePart(name="message", filename="message.mime", content_type="message/rfc822", content=self.content)


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


def _addresses(value: str) -> list[str]:
    try:
        header = policy.default.header_factory("to", value)
        found: tuple[Address, ...] = header.addresses
        lost = any(isinstance(defect, errors.InvalidHeaderDefect) for defect in header.defects)
    except Exception:  # noqa: BLE001  # the parser stumbles over some input, with errors of every kind
        found, lost = (), True
    if lost or not all(one.domain for one in found):
        raise ConfigError(
            "mime: there is a recipient in To, Cc or Bcc whose address cannot be read; pass to=… with everybody who is "
            "to get it. Nothing was sent."
        )
    return [one.addr_spec for one in found]
