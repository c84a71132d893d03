"""Webhook URLs of a domain, as both APIs keep them: up to three for each kind of event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from omnivery import codec
from omnivery._logging import mask_url
from omnivery.display.record import Record
from omnivery.errors import ConfigError
from omnivery.mail.vocabulary import WebhookName
from omnivery.transport.config import one_or_several, valid_url

MAX_URLS = 3
"""Most URLs that the service keeps for one kind of event."""


class WebhookType(StrEnum):
    """Webhook types that the API pages mention. The set is open: any other text is accepted, too."""

    OPENED = "opened"
    """A message was opened, by a person or a program. Sent only if the domain tracks opens."""
    CLICKED = "clicked"
    """A link was followed, by a person or a program. Sent only if the domain tracks clicks."""
    DELIVERED = "delivered"
    """The recipient's server accepted the message."""
    SOFT_BOUNCED = "softbounced"
    """A temporary failure; Mailgun calls it `temporary_fail`."""
    HARD_BOUNCED = "hardbounced"
    """A permanent failure; Mailgun calls it `permanent_fail`."""
    UNSUBSCRIBED = "unsubscribed"
    """The recipient unsubscribed."""
    COMPLAINED = "complained"
    """The recipient reported the message as spam."""
    REJECTED = "rejected"
    """The service did not try to deliver the message."""


def _urls(value: object) -> object:
    # Mailgun's oldest webhooks have one URL, under `url`.
    return [value] if isinstance(value, str) else value


def _masked(urls: tuple[str, ...]) -> str:
    return repr(tuple(map(mask_url, urls)))


@frozen(kw_only=True)
class Webhook(Record):
    """The URLs to which the service posts one kind of event."""

    name: WebhookName | None = None
    """The kind of event, see `WebhookType`; None if the response does not name it."""
    urls: tuple[str, ...] = field(default=(), repr=_masked, metadata={codec.ALIAS: "url", codec.READ: _urls})
    """The URLs. The repr shows scheme and host alone, because many contain a secret."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


@frozen(kw_only=True)
class WebhookResult(Record):
    """The result of creating, updating or deleting a webhook."""

    message: str | None = None
    """The service's text. Do not branch on it: one API says "updated" for a webhook that it created."""
    webhook: Webhook | None = None
    """The webhook after the change; before it, for a deletion. None if the response does not contain it."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""


def url_fields(urls: str | Iterable[str]) -> list[tuple[str, str]]:
    """Return the form fields for the URLs of a webhook.

    Raises:
        ConfigError: there is no URL, there are more than three, or one is not an http or https URL.
    """
    given = one_or_several(urls, argument="urls")
    if not 1 <= len(given) <= MAX_URLS:
        raise ConfigError(f"urls: a webhook has one to {MAX_URLS} URLs, not {len(given)}. Nothing was sent.")
    return [("url", valid_url(url, argument="urls")) for url in given]
