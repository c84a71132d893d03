"""Messages as the emulator keeps them: for tests to look at, down to the last byte."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from attrs import field, frozen


@frozen(kw_only=True)
class StoredFile:
    """A file that came with a message."""

    name: str = field(repr=False)
    """File name, as it was sent."""
    media_type: str
    """Content type, as it was sent."""
    content: bytes = field(repr=False)
    """Its bytes."""


@frozen(kw_only=True)
class StoredMessage:
    """A message that one of the send endpoints accepted."""

    id: str
    """Its id as the sender was told, with angle brackets: `<uuid@domain>`."""
    domain: str
    """The sending domain, in lower case."""
    surface: Literal["mailgun", "automations"]
    """Which API it came by."""
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Every text field of the request, in order, repeats included; files are not among them."""
    sender: str = field(repr=False)
    """The From address, without its name."""
    to: tuple[str, ...] = field(repr=False)
    """Addresses in `to`, without their names. With a MIME message, those of everybody."""
    cc: tuple[str, ...] = field(default=(), repr=False)
    """Addresses in `cc`."""
    bcc: tuple[str, ...] = field(default=(), repr=False)
    """Addresses in `bcc`."""
    subject: str | None = field(default=None, repr=False)
    """Subject; None where there was none."""
    text: str | None = field(default=None, repr=False)
    """Plain text."""
    html: str | None = field(default=None, repr=False)
    """HTML."""
    attachments: tuple[StoredFile, ...] = ()
    """Attachments, in order."""
    inline: tuple[StoredFile, ...] = ()
    """Inline images, in order."""
    mime: bytes | None = field(default=None, repr=False)
    """The whole MIME text, where one was sent."""
    test_mode: bool = False
    """Whether it was only a test: stored, and not delivered."""
    received_at: datetime = field(factory=lambda: datetime.now(UTC))
    """When it was accepted."""

    @property
    def uuid(self) -> str:
        """The id's first part, by which webhooks name the message."""
        return self.id.strip("<>").partition("@")[0]

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody that it goes to, each once."""
        return tuple({address.lower(): address for address in (*self.to, *self.cc, *self.bcc)}.values())

    def values(self, name: str) -> list[str]:
        """Every value of one text field of the request, in order."""
        return [value for key, value in self.fields if key == name]

    def value(self, name: str) -> str | None:
        """The first value of one text field; None where there is none."""
        return next(iter(self.values(name)), None)
