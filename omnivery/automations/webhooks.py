"""Webhooks of a domain: where the service posts delivery events. What it posts is read by `omnivery.webhooks`.

This API has no list of webhooks; the Mailgun-compatible one has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.errors import ConfigError, DecodeError
from omnivery.mail.webhook import WebhookResult, url_fields
from omnivery.transport import body as encoding
from omnivery.transport.operation import (
    IDEMPOTENT,
    NON_IDEMPOTENT,
    SAFE,
    ResponseParser,
    json_body,
)
from omnivery.transport.resource import AsyncResource
from omnivery.webhooks import delivery
from omnivery.webhooks.delivery import DeliveryEvent

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import Response


def _read_sample(answer: Response) -> list[DeliveryEvent]:
    body = json_body(answer)
    return [_event(payload) for payload in (body if isinstance(body, list) else [body])]


def _event(payload: Any) -> DeliveryEvent:
    if not isinstance(payload, dict) or not delivery.is_known(payload):
        raise DecodeError("a sample has no 'event-data'")
    return delivery.read(payload)


# https://docs.omnivery.com/api-ref/automations-api (Webhooks, create)
CREATE = operation(
    "webhooks.create", "POST", "/domains/{domain}/webhooks", returns=WebhookResult, safety=NON_IDEMPOTENT
)
# https://docs.omnivery.com/api-ref/automations-api (Webhooks, delete)
DELETE = operation(
    "webhooks.delete", "DELETE", "/domains/{domain}/webhooks/{type}", returns=WebhookResult, safety=IDEMPOTENT
)
# https://docs.omnivery.com/api-ref/automations-api (Webhooks, sample)
SAMPLE = operation(
    "webhooks.sample",
    "GET",
    "/domains/{domain}/webhooks/{type}/sample",
    returns=ResponseParser(name="list[DeliveryEvent]", read=_read_sample),
    safety=SAFE,
)


class AsyncWebhooks(AsyncResource[AutomationsConfig]):
    """Webhooks of a domain, by type: the kind of event, such as those of `omnivery.mail.webhook.WebhookType`."""

    async def create(
        self,
        type: str,  # noqa: A002  # the API's own word
        urls: str | Iterable[str],
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> WebhookResult:
        """Have a kind of event posted to up to three addresses.

        The service calls each address at once, and refuses the webhook if one does not answer well.

        Args:
            type: the kind of event, such as `delivered`; see `omnivery.mail.webhook.WebhookType`. Any text is sent.
            urls: one address, or up to three.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: the type is empty, there is no address, there are more than three, or one is no http or https
                address; nothing was sent.
            PaymentRequiredError: an address failed the service's call; the message says which way.
            AmbiguousError: the answer was lost: the webhook may exist.
        """
        if not type.strip():
            raise ConfigError("type: must not be empty. Nothing was sent.")
        fields = [("id", type), *url_fields(urls)]
        return await self._send(CREATE, domain=domain, body=encoding.multipart(fields), options=options)

    async def delete(
        self,
        type: str,  # noqa: A002  # the API's own word
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> WebhookResult:
        """Have a kind of event posted no longer.

        Args:
            type: the kind of event.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            PaymentRequiredError: there is no such webhook. That is also what a repeated call meets whose first answer
                was lost.
        """
        return await self._send(DELETE, domain=domain, path={"type": type}, options=options)

    async def sample(
        self,
        type: str,  # noqa: A002  # the API's own word
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> list[DeliveryEvent]:
        """Return samples of what the service posts for a kind of event, read as `omnivery.webhooks.parse` would.

        A sample need not be complete: the documented one has neither `event` nor `id`. Its signature is not checked,
        and `token` is empty.

        Args:
            type: the kind of event.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no sample for this kind of event.
        """
        return await self._send(SAMPLE, domain=domain, path={"type": type}, options=options)
