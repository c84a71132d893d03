"""Webhooks of a domain: the URLs to which the service posts delivery events. `omnivery.webhooks` reads those.

This API cannot list webhooks; the Mailgun-compatible API can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, fields, frozen

from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.errors import DecodeError
from omnivery.mail.vocabulary import WebhookName
from omnivery.mail.webhook import WebhookResult, url_fields
from omnivery.transport import body as encoding
from omnivery.transport.config import required_text
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


@frozen(kw_only=True)
class WebhookSample(DeliveryEvent):
    """A sample call: its event, with the signature and the body with which to replay the call at your own receiver."""

    signature: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The call's signature as received: `timestamp`, `token` and `signature`. Empty if the sample has none."""
    body: bytes = field(default=b"", repr=False)
    """The call's JSON body, byte for byte: post it with `Content-Type: application/json`."""


def _read_samples(response: Response) -> list[WebhookSample]:
    body = json_body(response)
    if not isinstance(body, list):
        return [_sample(body, response.content)]
    return [_sample(payload, text) for payload, text in zip(body, _items(response.text), strict=True)]


def _sample(payload: Any, body: bytes) -> WebhookSample:
    if not isinstance(payload, dict) or not delivery.is_known(payload):
        raise DecodeError("a sample has no 'event-data'")
    event, signature = delivery.read(payload), payload.get("signature")
    return WebhookSample(
        **{each.name: getattr(event, each.name) for each in fields(DeliveryEvent)},
        signature=signature if isinstance(signature, dict) else {},
        body=body,
    )


def _items(array: str) -> Iterator[bytes]:
    """Cut the text of a JSON array into those of its items: written anew, they would not be the received bytes."""
    decode, place = json.JSONDecoder().raw_decode, array.index("[") + 1
    while (start := _SEPARATOR.match(array, place).end()) < len(array) and array[start] != "]":  # type: ignore[union-attr]  # it matches everywhere
        _, place = decode(array, start)
        yield array[start:place].encode()


_SEPARATOR = re.compile(r"[\s,]*")


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
    returns=ResponseParser(name="list[WebhookSample]", read=_read_samples),
    safety=SAFE,
)


class AsyncWebhooks(AsyncResource[AutomationsConfig]):
    """Webhooks of a domain, one for each kind of event. `WebhookType` has the kinds that the API pages mention.

    `opened` and `clicked` are sent only if the domain tracks opens and clicks.
    """

    async def create(
        self,
        type: WebhookName,  # noqa: A002  # the API's own word
        urls: str | Iterable[str],
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> WebhookResult:
        """Have a kind of event posted to up to three URLs.

        The service calls each URL at once, and refuses the webhook if one responds with an error.

        Args:
            type: the kind of event, such as `delivered`; see `WebhookType`. Any text is sent.
            urls: one URL, or up to three.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: the type is empty, or there are not one to three http or https URLs; nothing was sent.
            PaymentRequiredError: a URL failed the service's check; the error says how.
            AmbiguousError: the response was lost: the webhook may exist.
        """
        required_text(type, argument="type")
        fields = [("id", type), *url_fields(urls)]
        return await self._send(CREATE, domain=domain, body=encoding.multipart(fields), options=options)

    async def delete(
        self,
        type: WebhookName,  # noqa: A002  # the API's own word
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> WebhookResult:
        """Stop posting a kind of event.

        Args:
            type: the kind of event.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            PaymentRequiredError: there is no such webhook; after a retry, this call itself may have deleted it.
        """
        return await self._send(DELETE, domain=domain, path={"type": type}, options=options)

    async def sample(
        self,
        type: WebhookName,  # noqa: A002  # the API's own word
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> list[WebhookSample]:
        """Return sample calls for a kind of event, read as `omnivery.webhooks.parse` reads them.

        A sample may be incomplete: the documented one has neither `event` nor `id`. Its signature is kept but not
        checked, so `token` is empty. To replay a sample, post its `body` to your receiver.

        Args:
            type: the kind of event.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no sample for this kind of event.
        """
        return await self._send(SAMPLE, domain=domain, path={"type": type}, options=options)
