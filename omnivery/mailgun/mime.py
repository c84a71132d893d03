"""Complete MIME messages: finds their recipients, and removes Bcc."""

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
"""Several CRs before one LF, as in a text file that was converted twice, are one line end, not an empty line."""
_BEFORE_THE_HEADER = re.compile(rb"(?:\xef\xbb\xbf|\r\n)*")
"""A byte order mark would become part of the first field's name; a blank line would end the header."""
_FIELD = rb"[ \t]*:(.*\r\n(?:[ \t].*\r\n)*)"
"""A field's value, with continuation lines."""
_HIDDEN = re.compile(rb"(?im)^(?:resent-)?bcc" + _FIELD)
_RECIPIENTS = re.compile(rb"(?im)^(?:to|cc|bcc)" + _FIELD)


@frozen(kw_only=True)
class Mime:
    """A MIME message, ready to be sent."""

    content: bytes = field(repr=False)
    """The message without Bcc fields, with CRLF line ends, as SMTP requires."""
    head: bytes = field(repr=False)
    """The original header, with Bcc fields."""

    @classmethod
    def of(cls, mime: bytes | str | MimeMessage) -> Mime:
        """Prepare a message for sending.

        Bcc and Resent-Bcc are removed, because every recipient could read them. Except for line ends and a byte order
        mark, all other bytes stay unchanged, so that signatures in the message remain valid.

        Raises:
            ConfigError: the message is empty, or of another type.
        """
        text = _BEFORE_THE_HEADER.sub(b"", _LINE_END.sub(b"\r\n", _serialised(mime)), count=1)
        if not text:
            raise ConfigError("mime: the message is empty. Nothing was sent.")
        head, blank, body = text.partition(b"\r\n\r\n")
        head += b"" if head.endswith(b"\r\n") else b"\r\n"
        rest = b"\r\n" + body if blank else b""
        return cls(content=_HIDDEN.sub(b"", head) + rest, head=head)

    def recipients(self) -> list[str]:
        """Return the bare addresses in the To, Cc and Bcc fields, each once.

        Raises:
            ConfigError: a field cannot be parsed completely, so a recipient would be lost.
        """
        # Not with the standard library's parser: it ends the header at the first line that it cannot parse.
        values = (
            value.replace(b"\r\n", b"").decode("utf-8", "surrogateescape") for value in _RECIPIENTS.findall(self.head)
        )
        return list(dict.fromkeys(address for value in values for address in _addresses(value)))

    def as_file(self) -> FilePart:
        """Return the form part that contains the message."""
        return FilePart(name="message", filename="message.mime", content_type="message/rfc822", content=self.content)


def _serialised(mime: object) -> bytes:
    if isinstance(mime, bytes):
        return mime
    try:
        if isinstance(mime, str):
            # The error handler that the standard library uses for bytes that are not text.
            return mime.encode("utf-8", "surrogateescape")
        if isinstance(mime, MimeMessage):
            # Its own policy with other line ends: policy.SMTP would refold long lines, and invalidate signatures.
            return mime.as_bytes(policy=mime.policy.clone(linesep="\r\n"))
    except UnicodeEncodeError:
        raise ConfigError("mime: it contains text that is not valid Unicode. Nothing was sent.") from None
    raise ConfigError(
        f"mime: expected bytes, text or an email.message.EmailMessage, not {type(mime).__name__}. Nothing was sent."
    )


def _addresses(value: str) -> list[str]:
    try:
        header = policy.default.header_factory("to", value)
        found: tuple[Address, ...] = header.addresses
        lost = any(isinstance(defect, errors.InvalidHeaderDefect) for defect in header.defects)
    except Exception:  # noqa: BLE001  # for some input the parser raises errors of many types
        found, lost = (), True
    if lost or not all(one.domain for one in found):
        raise ConfigError(
            "mime: the address of a recipient in To, Cc or Bcc cannot be parsed; pass to=… with all recipients. "
            "Nothing was sent."
        )
    return [one.addr_spec for one in found]
