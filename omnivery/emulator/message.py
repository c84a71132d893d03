"""Messages as the emulator stores them, whole, for tests to look at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from attrs import field, frozen

from omnivery.display.record import Record


@frozen(kw_only=True)
class StoredFile(Record):
    """A file of a message."""

    name: str
    """The file name, as it was sent."""
    media_type: str
    """The media type, as it was sent."""
    content: bytes = field(repr=False)
    """The content."""


@frozen(kw_only=True)
class StoredMessage(Record):
    """A message that one of the send endpoints accepted."""

    id: str
    """The message id of the response, with angle brackets: `<uuid@domain>`."""
    domain: str
    """The sending domain, in lower case."""
    surface: Literal["mailgun", "automations"]
    """The API that accepted it."""
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The text fields of the request, in order and with repetitions; without files."""
    header_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Options that `X-OV-…` headers of the message set, by the names of the fields that set the same."""
    sender: str
    """The From address, without its display name."""
    to: tuple[str, ...]
    """Addresses in `to`, without display names. For a MIME message, all recipients."""
    cc: tuple[str, ...] = ()
    """Addresses in `cc`."""
    bcc: tuple[str, ...] = ()
    """Addresses in `bcc`."""
    subject: str | None = None
    """The subject; None if there was none."""
    text: str | None = field(default=None, repr=False)
    """The plain text."""
    html: str | None = field(default=None, repr=False)
    """The HTML."""
    attachments: tuple[StoredFile, ...] = ()
    """Attachments, in order."""
    inline: tuple[StoredFile, ...] = ()
    """Inline images, in order."""
    mime: bytes | None = field(default=None, repr=False)
    """The whole MIME text, if it was sent as one."""
    test_mode: bool = False
    """Whether it was sent in test mode: stored, and not delivered."""
    received_at: datetime = field(factory=lambda: datetime.now(UTC))
    """When it was accepted."""

    @property
    def uuid(self) -> str:
        """The first part of the id, which webhooks use."""
        return self.id.strip("<>").partition("@")[0]

    @property
    def recipients(self) -> tuple[str, ...]:
        """All recipients, each once."""
        return tuple({address.lower(): address for address in (*self.to, *self.cc, *self.bcc)}.values())

    def values(self, name: str) -> list[str]:
        """Return all values of a text field of the request, in order."""
        return [value for key, value in self.fields if key == name]

    def options(self, name: str) -> list[str]:
        """Return all values of an option: those of the request's fields, and then those of the message's headers."""
        return [*self.values(name), *(value for key, value in self.header_options if key == name)]

    def value(self, name: str) -> str | None:
        """Return the first value of a text field of the request; None if it is missing."""
        return next(iter(self.values(name)), None)
