"""Messages: sending one, many, or one to many."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from omnivery.bulk.source import Source
from omnivery.display.progress import watching
from omnivery.errors import ConfigError
from omnivery.mail import recipients as mailbox
from omnivery.mail.form import (
    Surface,
    encode,
    from_explained,
    option_fields,
    refusals,
    to_fields,
    to_form,
)
from omnivery.mail.message import Message, Queued
from omnivery.mailgun.config import MailgunConfig
from omnivery.mailgun.mime import Mime
from omnivery.mailgun.operations import either
from omnivery.mailgun.sending import SendReport, SendRun, batches
from omnivery.transport.operation import NON_IDEMPOTENT
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from email.message import Message as MimeMessage

    from omnivery.mail.recipients import Mailboxes
    from omnivery.transport.body import Body
    from omnivery.transport.config import CallOptions


# https://docs.omnivery.com/api-ref/mailgun-api (Messages)
# a second time is a second e-mail, and the service offers no key that would prevent it
SEND = either("messages.send", "POST", "/{domain}/messages", returns=Queued, safety=NON_IDEMPOTENT)
# https://docs.omnivery.com/api-ref/mailgun-api (Messages, MIME)
SEND_MIME = either("messages.send_mime", "POST", "/{domain}/messages.mime", returns=Queued, safety=NON_IDEMPOTENT)


class AsyncMessages(AsyncResource[MailgunConfig]):
    """Sending. A message whose answer is lost is never sent again by itself, because that could be a second e-mail."""

    async def send(self, message: Message, *, domain: str | None = None, options: CallOptions | None = None) -> Queued:
        """Send a message.

        Args:
            message: what to send, to at most 1000 recipients.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Returns:
            The receipt: delivery, and its failure, are told by webhooks.

        Raises:
            ConfigError: the message cannot be sent as it is; the text names the field. Nothing was sent.
            AmbiguousError: the answer was lost, and the message may have been sent.
            BadRequestError: the service refused it, for instance because of a From outside the sending domain's
                organisational domain.
        """
        with from_explained():
            return await self._send(SEND, domain=domain, body=encode(message, Surface.MAILGUN), options=options)

    async def send_mime(
        self,
        to: Mailboxes | None,
        mime: bytes | str | MimeMessage,
        *,
        tags: str | Sequence[str] = (),
        test_mode: bool = False,
        tracking: bool | None = None,
        headers: Mapping[str, str] | None = None,
        custom: Mapping[str, Any] | None = None,
        callback_url: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> Queued:
        """Send a message that is MIME already.

        Bcc fields are taken out of it in any case. It goes out as a file of a multipart form, as Mailgun has it and its
        clients do; Omnivery's table calls it a url-encoded text, which could not carry bytes that are no UTF-8.

        Args:
            to: who gets it; None for the addresses in its To, Cc and Bcc fields, if all of them can be read.
            mime: the message, as bytes, as text or as an `email.message.EmailMessage`.
            tags: as in `Message`, and so are the options that follow.
            test_mode: take it and deliver it to nobody.
            tracking: whether to track opens and clicks.
            headers: further headers.
            custom: your own data.
            callback_url: webhook for this message only.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: no or too many recipients, a recipient in `mime` who cannot be read, or an option that cannot
                be. Nothing was sent.
            AmbiguousError: the answer was lost, and the message may have been sent.
            BadRequestError: the service refused it.
        """
        with refusals("send_mime: an argument"):
            ready = Mime.of(mime)
            written = mailbox.write(ready.recipients() if to is None else to, argument="to")
            chosen = option_fields(
                tags=tags,
                test_mode=test_mode,
                tracking=tracking,
                headers=headers or {},
                custom=custom or {},
                callback_url=callback_url,
            )
            body = to_form([*to_fields(written), *chosen], [ready.as_file()], multipart=True)
        with from_explained():
            return await self._send(SEND_MIME, domain=domain, body=body, options=options)

    async def send_many(
        self,
        messages: Iterable[Message] | AsyncIterable[Message],
        *,
        concurrency: int = 8,
        progress: bool = False,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SendReport:
        """Send any number of messages side by side, and account for every one of them.

        A message that surely did not go out is tried again (ten times, unless `options` or the client say otherwise);
        one whose answer was lost never is, and is `unknown` in the report. A message that cannot be sent is `rejected`
        and stops nothing. What every message would meet (401, 403, 404 …, a closed client) stops the run, and so do
        1000 messages in a row that do not get through; the source is not read on then. If the call itself is cancelled,
        there is no account.

        Args:
            messages: what to send. A synchronous source is read on the event loop, one message at a time.
            concurrency: messages in flight; fewer while the server asks to slow down.
            progress: show a bar in a notebook or on a terminal, and lines in the log `omnivery.progress` elsewhere.
            domain: the sending domain; the client's own when left out.
            options: time-outs, deadline, retries and headers of each request.

        Returns:
            The account: `sent + rejected + unknown + undelivered == read`. Look at it, or call `raise_for_failures()`.

        Raises:
            ConfigError: key or domain is missing, or `messages` is no iterable of messages. Nothing was sent.
            BulkError: the source raised, which is the error's cause; what it gave before was sent, and `report` is
                the account of it. Or sending raised what is no error of the SDK's: that message is `unknown`.
        """
        client, chosen = self._client._for_bulk(concurrency, options)
        sending_domain = self._client._domain(domain)
        self._client._config.credential(SEND)
        advice = "A single message goes to send(), or in a list"
        source = Source.of(messages, argument="messages", advice=advice)

        def to_body(message: Message) -> Body:
            return encode(message, Surface.MAILGUN)

        async def post(body: Body) -> Queued:
            with from_explained():
                return (await client.call(SEND, domain=sending_domain, body=body, options=chosen)).data

        with watching("Sending", messages, progress=progress) as advance:
            return await SendRun(source=source, encode=to_body, post=post, tell=advance).finish(concurrency)

    async def send_batch(
        self,
        message: Message,
        recipients: Mapping[str, Mapping[str, Any]],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SendReport:
        """Send one message to any number of recipients, each of whom sees only their own address.

        The recipients are cut into calls of 1000. `%recipient.name%` in the message's texts becomes what the
        recipient's variables have for `name`.

        Args:
            message: what to send, without recipients.
            recipients: their addresses, and each one's variables, which may be empty.
            concurrency: calls in flight, as in `send_many`.
            domain: the sending domain; the client's own when left out.
            options: as in `send_many`.

        Returns:
            The account of the calls: outcome 0 is that of the first 1000 recipients, and so on.

        Raises:
            ConfigError: the message cannot be sent as it is, or there are no recipients. Nothing was sent.
        """
        calls = batches(message, recipients)
        first = next(calls, None)
        if first is None:
            raise ConfigError("recipients: there are none. Nothing was sent.")
        # What is wrong with the first call's message is wrong with every one of them.
        encode(first, Surface.MAILGUN)
        return await self.send_many(chain([first], calls), concurrency=concurrency, domain=domain, options=options)
