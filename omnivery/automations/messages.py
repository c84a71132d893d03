"""Messages: sending mail with the Automations API."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from omnivery.automations.account import TEST
from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.mail.bulk import MAX_OUTAGE, AsyncSendRun, message_run, send_batch, send_many
from omnivery.mail.form import Surface, encode, from_explained
from omnivery.mail.message import Message, MessageLike, Queued
from omnivery.mail.sending import SendReport
from omnivery.transport.operation import NON_IDEMPOTENT, maybe_empty
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.config import CallOptions


# https://docs.omnivery.com/api-ref/automations-api (Messages)
# not idempotent: a repetition is a second e-mail, and the service offers no idempotency key
SEND = operation("messages.send", "POST", "/{domain}/messages", returns=maybe_empty(Queued), safety=NON_IDEMPOTENT)


class AsyncMessages(AsyncResource[AutomationsConfig]):
    """Sending. A message whose response is lost is never retried by the SDK: that could be a second e-mail."""

    async def send(
        self, message: MessageLike, *, domain: str | None = None, options: CallOptions | None = None
    ) -> Queued:
        """Send a message.

        Args:
            message: what to send, to at most 1000 recipients: a `Message`, or a mapping of Mailgun's own field names,
                as in `Message.from_form`. `substitutions`, and options that `Message` marks as Mailgun's, are refused:
                this API does not document them. Parameters in `options` are sent unchanged.
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

    async def send_many(
        self,
        messages: Iterable[Message] | AsyncIterable[Message],
        *,
        concurrency: int = 8,
        on_progress: Callable[[SendReport], None] | None = None,
        progress: bool = False,
        journal: str | PathLike[str] | None = None,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SendReport:
        """Send any number of messages concurrently, and report the outcome of each.

        A message that was certainly not sent is retried (ten times, unless `options` or the client say otherwise). One
        whose response was lost is never retried, and is `unknown` in the report. A message that cannot be sent is
        `rejected`, and the run goes on. An error that every message would get (401, 403, 404 …, a closed client) stops
        the run. A rate limit slows it. In an outage, what is certain to be unsent is held, the source is not read, and
        a GET finds out when the service is back. Equal messages may be deduplicated by the service.

        Args:
            messages: what to send.
                Async only: a synchronous source is read on the event loop, one message at a time.
                Sync only: an iterator runs in the calling thread.
            concurrency: messages in flight; fewer while the server asks to slow down.
            on_progress: called with the report so far after each message; no coroutine function.
            progress: show a bar in a notebook or on a terminal, and lines in the log `omnivery.progress` elsewhere.
            journal: a file to keep the run in. After a crash the same call sends only what is certain to be unsent.
                What may have been sent is `unknown`, and never sent again by itself. The source must give the same
                messages in the same order. Neither bodies nor e-mail addresses are kept.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Returns:
            The report: `sent + rejected + unknown + undelivered == read`. Check it, or call `raise_for_failures()`.

        Raises:
            ConfigError: key or domain is missing, or `messages` is no iterable of messages. Nothing was sent.
            BulkError: the source or `on_progress` raised, which is the error's cause; the messages read before are
                settled, and `report` covers them. Or sending raised an exception that is not the SDK's: that message is
                `unknown`.
        """
        return await send_many(
            self._client,
            SEND,
            Surface.AUTOMATIONS,
            messages,
            probe=TEST,
            concurrency=concurrency,
            on_progress=on_progress,
            progress=progress,
            journal=journal,
            max_outage=max_outage,
            domain=domain,
            options=options,
        )

    def stream(
        self,
        messages: Iterable[Message] | AsyncIterable[Message],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        journal: str | PathLike[str] | None = None,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> AsyncSendRun:
        """Send as `send_many` does, and watch it message by message.

            async with client.messages.stream(messages) as run:
                async for outcome in run:
                    ...
            run.report.raise_for_failures()

        Args:
            messages: as in `send_many`.
            concurrency: as in `send_many`.
            ordered: have outcomes in the order of the source; messages behind a slow one wait for it.
            journal: as in `send_many`. It is opened when the block is entered.
            max_outage: as in `send_many`.
            domain: as in `send_many`.
            options: as in `send_many`.

        Raises:
            ConfigError: as in `send_many`.
        """
        return message_run(
            self._client,
            SEND,
            Surface.AUTOMATIONS,
            messages,
            probe=TEST,
            concurrency=concurrency,
            ordered=ordered,
            journal=journal,
            max_outage=max_outage,
            domain=domain,
            options=options,
        )

    async def send_batch(
        self,
        message: MessageLike,
        recipients: Mapping[str, Mapping[str, Any]],
        *,
        individually: bool = False,
        concurrency: int = 8,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SendReport:
        """Send one message to any number of recipients, each of whom sees only their own address.

        The recipients are split into calls of 1000, each with the field `recipient-variables`, which hides them from
        one another. `%recipient.name%` in the message's texts becomes the recipient's variable `name`, and
        `%recipient.url.link%` the `link` in the variable `url`.

        Args:
            message: what to send, without recipients.
            recipients: addresses, and the variables of each, which may be empty.
            individually: make one call for each recipient, and replace the placeholders before sending. A stored
                template still gets the variables as `recipient-variables`, because only the service can fill it.
            concurrency: calls in flight, as in `send_many`.
            max_outage: as in `send_many`.
            domain: the sending domain; the client's own if left out.
            options: as in `send_many`.

        Returns:
            The report of the calls: outcome 0 is the call for the first 1000 recipients, and so on; with
            `individually`, one outcome for each recipient.

        Raises:
            ConfigError: the message cannot be sent as it is, or there are no recipients. Nothing was sent.
        """
        return await send_batch(
            self._client,
            SEND,
            Surface.AUTOMATIONS,
            message,
            recipients,
            individually=individually,
            probe=TEST,
            concurrency=concurrency,
            max_outage=max_outage,
            domain=domain,
            options=options,
        )
