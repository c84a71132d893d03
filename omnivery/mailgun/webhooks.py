"""Webhooks of a domain: where the service posts its events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import evolve

from omnivery import codec
from omnivery.errors import ConfigError, DecodeError
from omnivery.mail.webhook import Webhook, WebhookResult, url_fields
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.operations import any_key, primary
from omnivery.transport import body as encoding
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


def _read_list(answer: Response) -> Page[Webhook]:
    """The answer is an object keyed by the webhooks' names, and holds all of them."""
    body = json_body(answer)
    hooks = body.get("webhooks", "") if isinstance(body, dict) else ""
    if not isinstance(hooks, dict | None):
        raise DecodeError(f"the answer ({answer.status}) has no object of 'webhooks'")
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
    """Where the service posts the events of a domain: up to three addresses for each kind of event.

    Names are open text; `omnivery.mail.webhook.WebhookType` has those that the documents mention.
    """

    def list(self, *, domain: str | None = None, options: CallOptions | None = None) -> AsyncPages[Webhook]:
        """Return the webhooks of a domain. There is only one page of them.

        Args:
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.
        """
        return self._pages(LIST, domain=domain, options=options)

    async def get(self, name: str, *, domain: str | None = None, options: CallOptions | None = None) -> Webhook:
        """Return one webhook.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is none of that name.
        """
        hook = await self._send(GET, domain=domain, path={"name": name}, options=options)
        return evolve(hook, name=hook.name or name)

    async def create(
        self, name: str, urls: str | Iterable[str], *, domain: str | None = None, options: CallOptions | None = None
    ) -> WebhookResult:
        """Make a webhook.

        Args:
            name: the kind of event, such as `opened`.
            urls: one to three addresses of yours. The service may call them at once, to see that they answer.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: no name, or not one to three http or https addresses; nothing was sent.
            BadRequestError: there is one of that name already (Mailgun), or an address did not answer.
            AmbiguousError: the answer was lost, so the webhook may have been made: it is not tried again.
        """
        if not name.strip():
            raise ConfigError("name: must not be empty. Nothing was sent.")
        body = encoding.form([("id", name), *url_fields(urls)])
        return await self._send(CREATE, domain=domain, body=body, options=options)

    async def update(
        self, name: str, urls: str | Iterable[str], *, domain: str | None = None, options: CallOptions | None = None
    ) -> WebhookResult:
        """Give a webhook other addresses: they take the place of all that it has.

        Args:
            name: the kind of event, such as `opened`.
            urls: one to three addresses of yours.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: not one to three http or https addresses; nothing was sent.
            NotFoundError: there is none of that name.
        """
        body = encoding.form(url_fields(urls))
        return await self._send(UPDATE, domain=domain, path={"name": name}, body=body, options=options)

    async def delete(
        self, name: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WebhookResult:
        """Delete a webhook, and return the addresses that it had.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is none of that name; after a repeated attempt it may be this call that deleted it.
        """
        return await self._send(DELETE, domain=domain, path={"name": name}, options=options)
