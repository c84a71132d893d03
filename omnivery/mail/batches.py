"""One message to many recipients, each of whom sees only their own address: how it is cut into calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from attrs import evolve

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.mail.form import MAX_RECIPIENTS
from omnivery.mail.message import Message, MessageLike
from omnivery.mail.recipients import address_of
from omnivery.transport.config import flag

Recipients = Mapping[str, Mapping[str, Any]]
"""Addresses, and the variables of each."""

_PLACEHOLDER = re.compile(r"%recipient\.([^%\s]+)%")
_TEXTS = ("subject", "text", "html", "amp_html", "variables", "substitutions", "headers", "custom")
"""The fields of a message in which the service replaces placeholders."""


def batches(message: MessageLike, recipients: Recipients, *, individually: bool = False) -> Iterator[Message]:
    """Return the messages of the calls: one for up to 1000 recipients, or one for each recipient.

    Raises:
        ConfigError: the message has recipients or variables of its own, or a key is not one address, or is repeated.
    """
    message = Message.of(message)
    if message.to or message.cc or message.bcc or message.recipient_variables is not None:
        raise ConfigError(
            "message: in a batch, recipients and their variables come from `recipients` alone; leave out to, cc, bcc "
            "and recipient_variables. Nothing was sent."
        )
    if not isinstance(recipients, Mapping):
        raise ConfigError(
            "recipients: expected a mapping of addresses to variables, such as {'ann@example.com': {}}. "
            "Nothing was sent."
        )
    seen: set[str | None] = {None}
    for place, key in enumerate(recipients):
        address = address_of(key)
        # No mail server distinguishes mailboxes by case.
        spelling = address and address.lower()
        if spelling in seen:
            raise ConfigError(f"recipients: key {place} is not one address, or is repeated. Nothing was sent.")
        seen.add(spelling)
    return (
        _one_each(message, recipients)
        if flag(individually, argument="individually")
        else _thousands(message, recipients)
    )


def _thousands(message: Message, recipients: Recipients) -> Iterator[Message]:
    items = iter(recipients.items())
    while part := dict(islice(items, MAX_RECIPIENTS)):
        # An empty mapping is an entry, too: a recipient without an entry would see all addresses.
        own = {str(address_of(key)): variables for key, variables in part.items()}
        yield evolve(message, to=list(part), recipient_variables=own)


def _one_each(message: Message, recipients: Recipients) -> Iterator[Message]:
    for key, variables in recipients.items():
        own = {name: _filled(getattr(message, name), variables) for name in _TEXTS}
        # Only the service can fill a stored template: it gets the variables. Alone in `to`, the recipient sees nobody.
        sent = {str(address_of(key)): variables} if message.template is not None and variables else None
        yield evolve(message, to=key, recipient_variables=sent, **own)


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """Replace `%recipient.name%` in every text of a value; a placeholder without a variable stays, as with Mailgun."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: _text(_lookup(found[1], variables), found[0]), value)
    if isinstance(value, Mapping):
        return {name: _filled(item, variables) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_filled(item, variables) for item in value]
    return value


_MISSING = object()


def _lookup(name: str, variables: Any) -> Any:
    if not isinstance(variables, Mapping):
        return _MISSING
    if name in variables:
        return variables[name]
    # `%recipient.url.link%` is the `link` in the variable `url`, by the Automations page.
    head, _, rest = name.partition(".")
    return _lookup(rest, variables[head]) if rest and head in variables else _MISSING


def _text(value: Any, placeholder: str) -> str:
    if value is _MISSING:
        return placeholder
    if value is None:
        return ""
    return value if isinstance(value, str) else codec.dumps(value).decode()
