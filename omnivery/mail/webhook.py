"""Webhook addresses of a domain, as both APIs keep them: up to three for each kind of event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.transport.config import web_address

MAX_URLS = 3
"""Addresses that the service keeps for one kind of event."""


class WebhookType(StrEnum):
    """Names of webhooks that the documents mention. The set is open: any other text may be used in their place."""

    OPENED = "opened"
    """Somebody, or something, opened a message."""
    CLICKED = "clicked"
    """Somebody, or something, followed a link."""
    DELIVERED = "delivered"
    """The recipient's server took the message."""
    SOFT_BOUNCED = "softbounced"
    """A failure for now; Mailgun calls it `temporary_fail`."""
    HARD_BOUNCED = "hardbounced"
    """A failure for good; Mailgun calls it `permanent_fail`."""
    UNSUBSCRIBED = "unsubscribed"
    """The recipient wants no more mail."""
    COMPLAINED = "complained"
    """The recipient called the message spam."""
    REJECTED = "rejected"
    """The service did not try to deliver the message."""


def _urls(value: object) -> object:
    # Mailgun's oldest webhooks have one address, under `url`.
    return [value] if isinstance(value, str) else value


@frozen(kw_only=True)
class Webhook:
    """Where the service posts one kind of event."""

    name: str | None = None
    """The kind of event, see `WebhookType`; None where the answer did not say."""
    urls: tuple[str, ...] = field(default=(), repr=False, metadata={codec.ALIAS: "url", codec.READ: _urls})
    """The addresses; not in the repr, because many hold a secret of yours."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


@frozen(kw_only=True)
class WebhookResult:
    """What a change of a webhook came to."""

    message: str | None = None
    """The service's words. Take no decision by them: one API says "updated" where it created."""
    webhook: Webhook | None = None
    """The webhook as it is now; of a deletion, as it was. None where the answer did not say."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


def url_fields(urls: str | Iterable[str]) -> list[tuple[str, str]]:
    """The form fields for the addresses of a webhook.

    Raises:
        ConfigError: there is none, there are more than three, or one is no http or https address.
    """
    given = [urls] if isinstance(urls, str) else list(urls)
    if not 1 <= len(given) <= MAX_URLS:
        raise ConfigError(f"urls: a webhook has one to {MAX_URLS} addresses, not {len(given)}. Nothing was sent.")
    return [("url", web_address(url, argument="urls")) for url in given]
