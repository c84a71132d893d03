"""The fields that a delivery event needs to become a bot event, and the interaction that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from omnivery.errors import ConfigError
from omnivery.events.interaction import Interaction

ACTIONS: Mapping[str, str] = {"opened": "open", "clicked": "click"}
"""Delivery events that are interactions, and their names in the bot detection API."""


class Client(Protocol):
    """The recipient's mail program or browser, as far as an interaction needs it."""

    @property
    def user_agent(self) -> str | None:
        """The User-Agent header."""
        ...


class Delivery(Protocol):
    """The fields that a delivery event needs to become a bot event. `webhooks.DeliveryEvent` has them."""

    @property
    def event(self) -> str | None:
        """What happened, such as `opened`."""
        ...

    @property
    def id(self) -> str | None:
        """The event's own id."""
        ...

    @property
    def timestamp(self) -> float | None:
        """When it happened, in unix seconds."""
        ...

    @property
    def recipient(self) -> str | None:
        """The recipient's e-mail address."""
        ...

    @property
    def recipient_domain(self) -> str | None:
        """The recipient's e-mail domain."""
        ...

    @property
    def message_id(self) -> str | None:
        """The message's id."""
        ...

    @property
    def ip(self) -> str | None:
        """The IP address that the interaction came from."""
        ...

    @property
    def url(self) -> str | None:
        """The link of a click."""
        ...

    @property
    def user_variables(self) -> Mapping[str, Any]:
        """The message's own variables."""
        ...

    @property
    def client_info(self) -> Client:
        """The recipient's mail program or browser."""
        ...


def interaction_of(delivery: Delivery) -> Interaction:
    """Return the open or click that a delivery event reports.

    Raises:
        ConfigError: the event is neither an open nor a click.
    """
    action = ACTIONS.get(delivery.event or "")
    if action is None:
        raise ConfigError(f"event: expected an opened or clicked one, not {delivery.event!r}")
    timestamp = delivery.timestamp
    return Interaction(
        action=action,
        ip=delivery.ip,
        uas=delivery.client_info.user_agent,
        id=delivery.id,
        moment=None if timestamp is None else str(timestamp),
        ts=None if timestamp is None else int(timestamp // 1),
        recipients=(delivery.recipient,) if delivery.recipient else (),
        domain=delivery.recipient_domain,
        message_id=delivery.message_id,
        url=delivery.url,
        variables=delivery.user_variables,
    )
