"""An open or a click as a provider's webhook reports it, with the recipient's e-mail address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from typing import Any

from attrs import field, frozen

from omnivery.events.ids import event_id_for, recipient_id_for
from omnivery.events.ip_address import client_address
from omnivery.events.json_path import value_at

URL = "url"
"""The name by which a caller selects the link of a click as an attribute."""


@frozen(kw_only=True)
class Interaction:
    """One open or click. Fields that the provider does not report are None."""

    action: str
    """`open` or `click`."""
    ip: str | None = field(default=None, repr=False)
    """The IP address that it came from, in any of the forms that `client_address` reads."""
    uas: str | None = field(default=None, repr=False)
    """The User-Agent header; empty if the client sent none."""
    id: str | None = None
    """The provider's id of this interaction, which is the same when the webhook call is repeated."""
    moment: str | None = None
    """When it happened, as the provider writes it. Fractions distinguish interactions within one second."""
    ts: int | None = None
    """The same in whole unix seconds."""
    recipients: tuple[str, ...] = field(default=(), repr=False)
    """E-mail addresses that the message went to. If there are several, the interaction may be of any of them."""
    domain: str | None = None
    """The recipient's e-mail domain, if the provider reports it separately."""
    message_id: str | None = None
    """The provider's id of the message."""
    message_ts: int | None = None
    """When the message was sent, in unix seconds."""
    url: str | None = field(default=None, repr=False)
    """The link of a click; it may identify the recipient."""
    variables: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The message's own variables, metadata or tags."""

    def fields(self, recipient_key: str | bytes | None) -> dict[str, Any]:
        """Return the fields of the bot event. It has the recipient as a keyed hash, or not at all."""
        known: dict[str, Any] = {
            "ip": client_address(self.ip) or self.ip if self.ip else None,
            "uas": "-" if self.uas == "" else self.uas,
            "action": self.action,
            "domain": self.domain or _only_domain(self.recipients),
            "recipient_id": self._recipient_id(recipient_key),
            "message_id": self.message_id or None,
            "ts": self.ts,
            "message_ts": self.message_ts,
        }
        return {**known, "event_id": self.id or self._derived_id(known)}

    def chosen(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the variables of these names, and the link as `url`. Dots lead into nested objects."""
        found = ((name, value_at(self.variables, name)) for name in names)
        own = {name: value for name, value in found if value is not None}
        if URL in names and URL not in own and self.url:
            own[URL] = self.url
        return own

    def _recipient_id(self, key: str | bytes | None) -> str | None:
        mailboxes = {mailbox for text in self.recipients if (mailbox := parseaddr(text)[1])}
        if key is None or len(mailboxes) != 1:
            return None
        (mailbox,) = mailboxes
        return recipient_id_for(mailbox, key)

    def _derived_id(self, known: Mapping[str, Any]) -> str:
        return event_id_for(
            ip=known["ip"],
            uas=known["uas"],
            ts=known["ts"],
            action=self.action,
            message_id=known["message_id"],
            recipient_id=known["recipient_id"],
            url=self.url,
            position=self.moment,
        )


def _only_domain(recipients: Iterable[str]) -> str | None:
    """Return the domain that all recipients share, in lower case."""
    domains = {parseaddr(text)[1].rpartition("@")[2].lower() for text in recipients}
    return domains.pop() or None if len(domains) == 1 else None
