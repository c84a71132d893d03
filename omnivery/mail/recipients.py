"""Mailboxes: senders and recipients of a message, in the three forms that the SDK accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.utils import getaddresses
from typing import TYPE_CHECKING, TypeAlias, Union

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from email.headerregistry import Address

Mailbox: TypeAlias = Union[str, tuple[str, str], "Address"]
"""One mailbox: text such as `ann@example.com` or `"Ann" <ann@example.com>`, a pair of name and address, or the standard
library's `email.headerregistry.Address`. The name of a pair needs no quoting."""

Mailboxes: TypeAlias = Mailbox | Sequence[Mailbox]
"""One mailbox, or several in a list. A tuple of two texts is one mailbox: a name and its address. Blank text, such as
an empty field of a web form, is no mailbox."""

_SHIELDED = re.compile(r'"(?:\\.|[^"\\])*"|\((?:\\.|[^()\\])*\)')
"""Quoted text and comments (RFC 5322, section 3.2), in which a semicolon separates nothing."""

_BARE = re.compile(r'[^\s,;:<>()\[\]"\\@]+@[^\s,;:<>()\[\]"\\@]+')


def write_mailboxes(value: Mailboxes, *, argument: str) -> list[str]:
    """Return each mailbox as the API takes it (RFC 5322, section 3.4).

    Names are sent in plain UTF-8 and not as encoded words: the form is UTF-8, and the server encodes the headers.

    Args:
        value: the caller's argument. Text is passed on unchanged; it may contain several comma-separated mailboxes.
        argument: the name of the caller's argument, for the error.

    Raises:
        ConfigError: a value is no mailbox, or contains a line break, or a semicolon outside quotes.
    """
    return [_written(one, argument) for one in _each(value)]


def count_mailboxes(written: Sequence[str]) -> int:
    """Count the mailboxes in these texts; a text with commas contains several."""
    return sum(len(getaddresses([text])) if "," in text else 1 for text in written)


def bare_addresses(written: Sequence[str]) -> list[str]:
    """Return the bare address of each mailbox; an empty text for one that cannot be parsed."""
    found: list[str] = []
    for text in written:
        # Most are bare already, and a call may have a thousand: the library's parser takes 30 µs for each.
        pairs = [("", text)] if _BARE.fullmatch(text) else getaddresses([text])
        found += [address if "@" in address else "" for _, address in pairs]
    return found


def address_of(text: str) -> str | None:
    """Return the bare address of a text that is exactly one mailbox; None otherwise."""
    found = [address for _, address in getaddresses([text]) if "@" in address]
    return found[0] if len(found) == 1 and count_mailboxes([text]) == 1 else None


def _each(value: Mailboxes) -> Iterator[Mailbox]:
    if isinstance(value, Sequence) and not isinstance(value, str) and not _is_pair(value):
        yield from value
    elif not (isinstance(value, str) and not value.strip()):
        yield value  # type: ignore[misc]  # one mailbox, or of an unknown type: see _written


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, str) for one in value)  # noqa: PLR2004  # a pair


def _written(one: object, argument: str) -> str:
    text = _text(one, argument)
    if set(text) & set("\r\n\0"):
        raise ConfigError(f"{argument}: an address must not hold a line break. Nothing was sent.")
    if "@" not in text:
        raise ConfigError(f"{argument}: there is an address without an @. Nothing was sent.")
    if isinstance(one, str) and ";" in _SHIELDED.sub("", text):
        raise ConfigError(f"{argument}: a comma separates addresses, not a semicolon. Nothing was sent.")
    return text


def _text(one: object, argument: str) -> str:
    if isinstance(one, str):
        return one.strip(" \t")
    if isinstance(one, tuple) and _is_pair(one):
        return _joined(one[0], one[1].strip(" \t"), argument)
    from email.headerregistry import Address  # 10 ms that few callers need

    if not isinstance(one, Address):
        raise ConfigError(
            f"{argument}: expected text, a pair (name, address) or an email.headerregistry.Address, "
            f"not {type(one).__name__}. Nothing was sent."
        )
    return str(one)


def _joined(name: str, address: str, argument: str) -> str:
    if "@" in name:
        raise ConfigError(
            f"{argument}: a tuple of two is a name and its address; several addresses go in a list. Nothing was sent."
        )
    if set("<>,; ") & set(address):
        # Otherwise the field of a web form could add a recipient: `a@b.c>, <victim@d.e`.
        raise ConfigError(f"{argument}: the address of a pair must be a bare one. Nothing was sent.")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address
