"""Messages: sending with the Automations API's token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery.mail.form import Surface, encode, from_explained
from omnivery.mail.message import Message, Queued
from omnivery.transport.operation import KeyKind, Operation, Safety, maybe_empty
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.automations.client import AsyncAutomations  # noqa: F401  # in the base class's argument, as text
    from omnivery.transport.config import CallOptions

DOCS = "https://docs.omnivery.com/api-ref/automations-api"

# https://docs.omnivery.com/api-ref/automations-api (Messages)
SEND = Operation(
    "automations.messages.send",
    "POST",
    "/{domain}/messages",
    returns=maybe_empty(Queued),
    key=KeyKind.TOKEN,
    safety=Safety.NON_IDEMPOTENT,  # a second time is a second e-mail, and the service offers no key that would prevent it
    docs=DOCS,
)


class AsyncMessages(AsyncResource["AsyncAutomations"]):
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
