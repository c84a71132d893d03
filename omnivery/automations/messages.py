"""Messages: sending with the Automations API's token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.mail.form import Surface, encode, from_explained
from omnivery.mail.message import Message, Queued
from omnivery.transport.operation import NON_IDEMPOTENT, maybe_empty
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


# https://docs.omnivery.com/api-ref/automations-api (Messages)
# a second time is a second e-mail, and the service offers no key that would prevent it
SEND = operation("messages.send", "POST", "/{domain}/messages", returns=maybe_empty(Queued), safety=NON_IDEMPOTENT)


class AsyncMessages(AsyncResource[AutomationsConfig]):
    """Sending. A message whose answer is lost is never sent again by itself, because that could be a second e-mail."""

    async def send(self, message: Message, *, domain: str | None = None, options: CallOptions | None = None) -> Queued:
        """Send a message.

        Args:
            message: what to send, to at most 1000 recipients. `substitutions`, and what `Message` calls Mailgun's, are
                refused: this API documents none of them. What is in `options` goes out all the same.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Returns:
            The receipt. What the service answers is not documented: `id` may be None.

        Raises:
            ConfigError: the message cannot be sent as it is; the text names the field. Nothing was sent.
            AmbiguousError: the answer was lost, and the message may have been sent.
            BadRequestError: the service refused it, for instance because of a From outside the sending domain's
                organisational domain.
        """
        with from_explained():
            return await self._send(SEND, domain=domain, body=encode(message, Surface.AUTOMATIONS), options=options)
