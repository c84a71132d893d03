"""Messages: sending mail with the Automations API."""

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
# not idempotent: a repetition is a second e-mail, and the service offers no idempotency key
SEND = operation("messages.send", "POST", "/{domain}/messages", returns=maybe_empty(Queued), safety=NON_IDEMPOTENT)


class AsyncMessages(AsyncResource[AutomationsConfig]):
    """Sending. A message whose response is lost is never retried by the SDK: that could be a second e-mail."""

    async def send(self, message: Message, *, domain: str | None = None, options: CallOptions | None = None) -> Queued:
        """Send a message.

        Args:
            message: what to send, to at most 1000 recipients. `substitutions`, and options that `Message` marks as
                Mailgun's, are refused: this API does not document them. Parameters in `options` are sent unchanged.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Returns:
            The receipt. The service's response is not documented: `id` may be None.

        Raises:
            ConfigError: the message cannot be sent as it is; the text names the field. Nothing was sent.
            AmbiguousError: the response was lost, and the message may have been sent.
            BadRequestError: the service refused the message, for instance because From is outside the sending
                domain's organisational domain.
        """
        with from_explained():
            return await self._send(SEND, domain=domain, body=encode(message, Surface.AUTOMATIONS), options=options)
