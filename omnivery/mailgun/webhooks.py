"""Webhooks of a domain: the URLs to which the service posts its events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import evolve

from omnivery import codec
from omnivery.errors import DecodeError
from omnivery.mail.vocabulary import WebhookName
from omnivery.mail.webhook import Webhook, WebhookResult, url_fields
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.operations import any_key, primary
from omnivery.transport import body as encoding
from omnivery.transport.config import required_text
from omnivery.transport.operation import (
    IDEMPOTENT,
    NON_IDEMPOTENT,
    SAFE,
    ResponseParser,
    inside,
    json_body,
)
from omnivery.transport.paging import AsyncPages, Page
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import Response


def _read_list(response: Response) -> Page[Webhook]:
    """The response is an object keyed by the webhooks' names, and contains all of them."""
    body = json_body(response)
    hooks = body.get("webhooks", "") if isinstance(body, dict) else ""
    if not isinstance(hooks, dict | None):
        raise DecodeError(f"the response ({response.status}) has no object 'webhooks'")
    return Page(
        items=tuple(
            evolve(codec.structure(hook, Webhook, at=f"$.webhooks.{name}"), name=name)
            for name, hook in (hooks or {}).items()
        ),
        extra={name: value for name, value in body.items() if name != "webhooks"},
    )


# https://docs.omnivery.com/api-ref/mailgun-api (Webhooks)
LIST = any_key(
    "webhooks.list",
    "GET",
    "/domains/{domain}/webhooks",
    returns=ResponseParser(name="Page[Webhook]", read=_read_list),
    safety=SAFE,
)
GET = primary(
    "webhooks.get", "GET", "/domains/{domain}/webhooks/{name}", returns=inside("webhook", Webhook), safety=SAFE
)
CREATE = primary("webhooks.create", "POST", "/domains/{domain}/webhooks", returns=WebhookResult, safety=NON_IDEMPOTENT)
UPDATE = primary(
    "webhooks.update", "PUT", "/domains/{domain}/webhooks/{name}", returns=WebhookResult, safety=IDEMPOTENT
)
DELETE = primary(
    "webhooks.delete", "DELETE", "/domains/{domain}/webhooks/{name}", returns=WebhookResult, safety=IDEMPOTENT
)


class AsyncWebhooks(AsyncResource[MailgunConfig]):
    """The URLs to which the service posts the events of a domain: up to three for each kind of event.

    `opened` and `clicked` are sent only if the domain tracks opens and clicks. The set of names is open; `WebhookType`
    has those that the API pages mention.
    """

    def list(self, *, domain: str | None = None, options: CallOptions | None = None) -> AsyncPages[Webhook]:
        """Return the webhooks of a domain. There is only one page of them.

        Args:
            domain: the sending domain; the client's own if left out.
            options: options of this call.
        """
        return self._pages(LIST, domain=domain, options=options)

    async def get(self, name: WebhookName, *, domain: str | None = None, options: CallOptions | None = None) -> Webhook:
        """Return one webhook.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no webhook of that name.
        """
        hook = await self._send(GET, domain=domain, path={"name": name}, options=options)
        return evolve(hook, name=hook.name or name)

    async def create(
        self,
        name: WebhookName,
        urls: str | Iterable[str],
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> WebhookResult:
        """Create a webhook.

        Args:
            name: the kind of event, such as `opened`.
            urls: one to three URLs of your receiver. The service may call each at once, to check that it responds.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: no name, or not one to three http or https URLs; nothing was sent.
            BadRequestError: there is a webhook of that name already (Mailgun), or a URL did not respond.
            AmbiguousError: the response was lost, so the webhook may exist: it is not retried.
        """
        required_text(name, argument="name")
        body = encoding.form([("id", name), *url_fields(urls)])
        return await self._send(CREATE, domain=domain, body=body, options=options)

    async def update(
        self,
        name: WebhookName,
        urls: str | Iterable[str],
        *,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> WebhookResult:
        """Replace all URLs of a webhook.

        Args:
            name: the kind of event, such as `opened`.
            urls: one to three URLs of your receiver.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: not one to three http or https URLs; nothing was sent.
            NotFoundError: there is no webhook of that name.
        """
        body = encoding.form(url_fields(urls))
        return await self._send(UPDATE, domain=domain, path={"name": name}, body=body, options=options)

    async def delete(
        self, name: WebhookName, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WebhookResult:
        """Delete a webhook, and return the URLs that it had.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no webhook of that name; after a retry, this call itself may have deleted it.
        """
        return await self._send(DELETE, domain=domain, path={"name": name}, options=options)
