"""The synchronous client of the surface `mailgun`, and its resources.

Written by `python -m tools.generate_sync` from the asynchronous source: do not edit it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from omnivery.mailgun.client import AsyncMailgun
from omnivery.sync.base import BaseClient, Pages, Resource, copied, whole
from omnivery.sync.bridge import LoopBridge
from omnivery.transport.runtime import drive

if TYPE_CHECKING:
    import httpx
    import ssl
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from email.message import Message as MimeMessage
    from omnivery.mail.addresses import ParseResult
    from omnivery.mail.message import Message, Queued
    from omnivery.mail.recipients import Mailboxes
    from omnivery.mail.suppression import SuppressionReport
    from omnivery.mail.webhook import Webhook, WebhookResult
    from omnivery.mailgun.addresses import AddressValidation
    from omnivery.mailgun.bounces import Bounce
    from omnivery.mailgun.complaints import Complaint
    from omnivery.mailgun.config import Region
    from omnivery.mailgun.confirmation import AddressConfirmation, Confirmation
    from omnivery.mailgun.credentials import CredentialCreated, SmtpCredential
    from omnivery.mailgun.domains import Domain, DomainDetail, Tracking
    from omnivery.mailgun.sending import SendReport
    from omnivery.mailgun.stats import StatsTotal
    from omnivery.mailgun.suppressions import Record
    from omnivery.mailgun.unsubscribes import Unsubscribe
    from omnivery.mailgun.whitelists import WhitelistConfirmation, WhitelistEntry
    from omnivery.transport.config import CallOptions, Limits, RetryPolicy, Timeouts
    from omnivery.transport.observe import Observer
    from typing import Any, Literal, Self


class Mailgun(BaseClient[AsyncMailgun]):
    """Client of the Mailgun-compatible API.

    Open it with `with`, or call `close()` in the end. One client serves any number of threads. A
    forked child may use it, too.

    It holds two kinds of key, and takes for each operation the one that it needs. Sending and validation use the
    sending key, everything that manages the account the primary key. One of them is enough for what it may do.

    Args:
        api_key: the account's primary key; `OMNIVERY_API_KEY` when left out. A sending key may stand here as well.
        sending_key: a domain's sending key; `OMNIVERY_SENDING_KEY` when left out.
        domain: the sending domain for operations that need one; `OMNIVERY_DOMAIN` when left out.
        region: where requests enter the service: `global`, which picks the nearest, `eu` or `us`; `OMNIVERY_REGION`
            when left out, else `global`. Data stays where the domain keeps it.
        base_url: another server, such as the emulator, with its `/v3`; `OMNIVERY_MAILGUN_URL` when left out. An
            address from there goes before a region.
        timeouts: time-outs of each attempt.
        retry: when to try again.
        limits: how much may be under way at once.
        http_client: your own `httpx.Client`, used as it is and never closed by us.
        adapter: the HTTP library that carries requests.
        proxy: address of a proxy. The environment's proxy variables are not read.
        verify: an `ssl.SSLContext` of your own, or False to turn TLS verification off.
        observers: told of each attempt.
        user_agent_suffix: your own word at the end of our User-Agent header.

    Raises:
        ConfigError: no key, both `region` and `base_url`, or an argument that cannot be.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        sending_key: str | None = None,
        domain: str | None = None,
        region: Region | None = None,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        http_client: httpx.Client | None = None,
        adapter: Literal["httpx"] = "httpx",
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        observers: Sequence[Observer] = (),
        user_agent_suffix: str | None = None,
    ) -> None:
        client = AsyncMailgun(
            api_key,
            sending_key=sending_key,
            domain=domain,
            region=region,
            base_url=base_url,
            timeouts=timeouts,
            retry=retry,
            limits=limits,
            http_client=http_client,
            adapter=adapter,
            proxy=proxy,
            verify=verify,
            observers=observers,
            user_agent_suffix=user_agent_suffix,
        )
        self._open(client)

    @cached_property
    def messages(self) -> Messages:
        """Sending."""
        return Messages(self)

    @cached_property
    def addresses(self) -> Addresses:
        """Validation and parsing of addresses."""
        return Addresses(self)

    @cached_property
    def domains(self) -> Domains:
        """Sending domains."""
        return Domains(self)

    @cached_property
    def credentials(self) -> Credentials:
        """SMTP credentials of a domain."""
        return Credentials(self)

    @cached_property
    def stats(self) -> Stats:
        """Counts of what happened."""
        return Stats(self)

    @cached_property
    def bounces(self) -> Bounces:
        """Addresses that mail is no longer delivered to because it bounced."""
        return Bounces(self)

    @cached_property
    def complaints(self) -> Complaints:
        """Addresses whose owners called a message spam."""
        return Complaints(self)

    @cached_property
    def unsubscribes(self) -> Unsubscribes:
        """Addresses whose owners want no more mail."""
        return Unsubscribes(self)

    @cached_property
    def whitelists(self) -> Whitelists:
        """Addresses that no bounce suppresses."""
        return Whitelists(self)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Where the service posts the events of a domain."""
        return Webhooks(self)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        sending_key: str | None = None,
        domain: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
    ) -> Self:
        """A cheap clone that differs in what is named here, and shares connections, slots and retry budget.

        A clone with another `api_key` has no `sending_key` unless one is given, too: it would be the old account's.
        Closing the clone does nothing; closing this client closes the connections of both.

        Raises:
            ConfigError: an argument that cannot be.
        """
        return self._changed(
            self._async.with_options(
                api_key=api_key,
                sending_key=sending_key,
                domain=domain,
                timeouts=timeouts,
                retry=retry,
            )
        )


class Addresses(Resource["AsyncMailgun"]):
    """Validation and parsing of addresses."""

    def validate(self, address: str, *, options: CallOptions | None = None) -> AddressValidation:
        """Say whether an address is worth sending to.

        The domain's settings must allow it: the service hands the address to another company (Kickbox).

        Args:
            address: one address, without a name.
            options: what this call does differently.

        Raises:
            ConfigError: the address is empty; nothing was sent.
            AuthenticationError, ForbiddenError: it takes a domain's sending key, and not the account's primary key.
        """
        return drive(self._single.addresses.validate(address, options=options))

    def parse(self, addresses: str | Iterable[str], *, options: CallOptions | None = None) -> ParseResult:
        """Sort a list of addresses into those that can be read and those that cannot. Only their syntax is looked at.

        Args:
            addresses: addresses with or without names, as one text with commas between them, or one by one. A name
                that holds a comma must be quoted.
            options: what this call does differently.

        Raises:
            ConfigError: there is no address; nothing was sent.
        """
        return drive(self._single.addresses.parse(addresses, options=options))


class Bounces(Resource["AsyncMailgun"]):
    """Addresses that a domain no longer sends to, because they bounced."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[Bounce]:
        """Return all bounces of a domain.

        Args:
            limit: entries on a page; the service's own number when left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own when left out.
            options: what the call for each page does differently.
        """
        return Pages(self._single.bounces.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Bounce:
        """Return the bounce of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.bounces.get(address, domain=domain, options=options))

    def create(
        self,
        address: str,
        *,
        code: str | int | None = None,
        error: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> AddressConfirmation:
        """Put an address on the list; one that is there already is replaced.

        Args:
            address: the recipient.
            code: SMTP code of the refusal; the service's own (Mailgun's is 550) when left out.
            error: what the recipient's server said.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            BadRequestError: the service found fault with the address.
        """
        return drive(
            self._single.bounces.create(
                address,
                code=code,
                error=error,
                domain=domain,
                options=options,
            )
        )

    def create_many(
        self,
        records: Iterable[Record],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Put any number of addresses on the list, a thousand in a request, and account for every one of them.

        The bulk form is Mailgun's; Omnivery's page is silent about it. A request that fails leaves its records
        undelivered, and the report gives them back. An answer that every request would meet (401, 403, 404 …) ends
        the run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `code`, `error`, `created_at`.
            concurrency: requests in flight.
            domain: the sending domain; the client's own when left out.
            options: time-outs, deadline, retries and headers of each request.

        Raises:
            ConfigError: a record has no address, or domain or key is missing; nothing was sent.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.bounces.create_many(
                given_records,
                concurrency=concurrency,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Take an address off the list, so that mail is sent to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list; after a repeated attempt it may have been this call.
        """
        return drive(self._single.bounces.delete(address, domain=domain, options=options))

    def delete_all(self, *, domain: str | None = None, options: CallOptions | None = None) -> Confirmation:
        """Warning: this wipes the domain's whole bounce list, and the API cannot undo it.

        Mail then goes to every address that ever bounced, which harms the domain's reputation. Keep a copy first:
        `client.bounces.list().collect()`.

        Args:
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.
        """
        return drive(self._single.bounces.delete_all(domain=domain, options=options))


class Complaints(Resource["AsyncMailgun"]):
    """Addresses that a domain no longer sends to, because their owners called a message spam."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[Complaint]:
        """Return all complaints of a domain.

        Args:
            limit: entries on a page; the service's own number when left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own when left out.
            options: what the call for each page does differently.
        """
        return Pages(self._single.complaints.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Complaint:
        """Return the complaint of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.complaints.get(address, domain=domain, options=options))

    def create(
        self, address: str, *, error: str, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Put an address on the list; one that is there already is replaced.

        Args:
            address: the recipient.
            error: what the complaint says.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            BadRequestError: the service found fault with the address.
        """
        return drive(self._single.complaints.create(address, error=error, domain=domain, options=options))

    def create_many(
        self,
        records: Iterable[Record],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Put any number of addresses on the list, a thousand in a request, and account for every one of them.

        The bulk form is Mailgun's; Omnivery's page is silent about it. A request that fails leaves its records
        undelivered, and the report gives them back. An answer that every request would meet (401, 403, 404 …) ends
        the run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `error`, `created_at`.
            concurrency: requests in flight.
            domain: the sending domain; the client's own when left out.
            options: time-outs, deadline, retries and headers of each request.

        Raises:
            ConfigError: a record has no address, or domain or key is missing; nothing was sent.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.complaints.create_many(
                given_records,
                concurrency=concurrency,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Take an address off the list, so that mail is sent to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list; after a repeated attempt it may have been this call.
        """
        return drive(self._single.complaints.delete(address, domain=domain, options=options))


class Credentials(Resource["AsyncMailgun"]):
    """SMTP credentials of a domain.

    A password has 5 to 32 characters by the API's page, and at least 8, with a capital and a special character, by the
    service's guide. The server decides: nothing is checked here.
    """

    def list(
        self, *, limit: int = 100, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[SmtpCredential]:
        """Return the SMTP users of a domain.

        Args:
            limit: users on a page.
            domain: the sending domain; the client's own when left out.
            options: what the call for each page does differently.
        """
        return Pages(self._single.credentials.list(limit=limit, domain=domain, options=options))

    def create(
        self, login: str, password: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> CredentialCreated:
        """Make an SMTP user.

        Args:
            login: the user name: a plain name, or a whole address in the domain.
            password: its password.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            BadRequestError: the name is taken, or the password is not good enough.
            AmbiguousError: the answer was lost, so the user may have been made: it is not tried again.
        """
        return drive(self._single.credentials.create(login, password, domain=domain, options=options))

    def update_password(
        self, login: str, password: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> Confirmation:
        """Give an SMTP user another password.

        Args:
            login: the user name, as the list has it.
            password: the new password.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no such user.
        """
        return drive(self._single.credentials.update_password(login, password, domain=domain, options=options))

    def delete(self, login: str, *, domain: str | None = None, options: CallOptions | None = None) -> Confirmation:
        """Delete an SMTP user.

        Args:
            login: the user name, as the list has it.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no such user; after a repeated attempt it may be this call that deleted it.
        """
        return drive(self._single.credentials.delete(login, domain=domain, options=options))


class Domains(Resource["AsyncMailgun"]):
    """Sending domains. Each method takes the domain's name: the client's own domain is not used here."""

    def list(self, *, state: str | None = None, limit: int = 100, options: CallOptions | None = None) -> Pages[Domain]:
        """Return the domains that the key may see: all of the account's, or a sending key's own.

        Args:
            state: only those in this state, such as `active`.
            limit: domains on a page.
            options: what the call for each page does differently.
        """
        return Pages(self._single.domains.list(state=state, limit=limit, options=options))

    def get(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain with its DNS records. A good way to check a key.

        Args:
            name: the domain.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no such domain.
        """
        return drive(self._single.domains.get(name, options=options))

    def create(
        self,
        name: str,
        *,
        smtp_password: str | None = None,
        wildcard: bool | None = None,
        options: CallOptions | None = None,
    ) -> DomainDetail:
        """Make a domain. It sends once the service's staff have vetted it and its DNS records are verified.

        Args:
            name: the domain.
            smtp_password: for SMTP submission, 5 to 32 characters.
            wildcard: whether it takes mail for its sub-domains as well; not, when left out.
            options: what this call does differently.

        Raises:
            ConfigError: there is no primary key; nothing was sent.
            AmbiguousError: the answer was lost, so the domain may have been made: it is not tried again.
        """
        return drive(
            self._single.domains.create(
                name,
                smtp_password=smtp_password,
                wildcard=wildcard,
                options=options,
            )
        )

    def delete(self, name: str, *, options: CallOptions | None = None) -> Confirmation:
        """Delete a domain with everything that belongs to it.

        Args:
            name: the domain.
            options: what this call does differently.

        Raises:
            NotFoundError: there is no such domain; after a repeated attempt it may be this call that deleted it.
        """
        return drive(self._single.domains.delete(name, options=options))

    def verify(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Have the domain's DNS records looked up now, and return what was found.

        Only a domain in the state `unverified` can be verified: the service's staff have vetted it already.

        Args:
            name: the domain.
            options: what this call does differently.
        """
        return drive(self._single.domains.verify(name, options=options))

    def tracking(self, name: str, *, options: CallOptions | None = None) -> Tracking:
        """Return what is tracked in a domain's messages.

        Args:
            name: the domain.
            options: what this call does differently.
        """
        return drive(self._single.domains.tracking(name, options=options))

    def disable(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Warning: this stops all sending from a domain, and the API cannot undo it.

        Only the service's web interface can switch the domain on again.

        Args:
            name: the domain.
            options: what this call does differently.

        Raises:
            AmbiguousError: the answer was lost, so the domain may be disabled: it is not tried again.
        """
        return drive(self._single.domains.disable(name, options=options))


class Messages(Resource["AsyncMailgun"]):
    """Sending. A message whose answer is lost is never sent again by itself, because that could be a second e-mail."""

    def send(self, message: Message, *, domain: str | None = None, options: CallOptions | None = None) -> Queued:
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
        return drive(self._single.messages.send(message, domain=domain, options=options))

    def send_mime(
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
        return drive(
            self._single.messages.send_mime(
                to,
                mime,
                tags=tags,
                test_mode=test_mode,
                tracking=tracking,
                headers=headers,
                custom=custom,
                callback_url=callback_url,
                domain=domain,
                options=options,
            )
        )

    def send_many(
        self,
        messages: Iterable[Message],
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
        1000 messages in a row that do not get through; the source is not read on then. After
        Ctrl-C there is no account.

        Args:
            messages: what to send. Read in the calling thread.
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
        bridge: LoopBridge[SendReport] = LoopBridge()
        given_messages = bridge.source(messages, argument="messages")
        return bridge.run(
            lambda: self._async.messages.send_many(
                given_messages,
                concurrency=concurrency,
                progress=progress,
                domain=domain,
                options=options,
            )
        )

    def send_batch(
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
        bridge: LoopBridge[SendReport] = LoopBridge()
        given_recipients = copied(recipients)
        return bridge.run(
            lambda: self._async.messages.send_batch(
                message,
                given_recipients,
                concurrency=concurrency,
                domain=domain,
                options=options,
            )
        )


class Stats(Resource["AsyncMailgun"]):
    """Counts of what happened to a domain's messages."""

    def total(
        self,
        event: str | Iterable[str],
        *,
        start: datetime | int | str | None = None,
        end: datetime | int | str | None = None,
        resolution: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> StatsTotal:
        """Count events.

        Args:
            event: one or several of `accepted`, `delivered`, `failed`, `opened`, `clicked`, `unsubscribed`,
                `complained` and `stored`; the set is open.
            start: a `datetime` with a zone, unix seconds, or RFC 2822 text.
            end: as `start`.
            resolution: `hour`, `day` or `month`; the service takes `day` when left out. Mailgun keeps hours for two
                months and days for a year.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: no event is named, or a time has no zone; nothing was sent.
        """
        return drive(
            self._single.stats.total(
                event,
                start=start,
                end=end,
                resolution=resolution,
                domain=domain,
                options=options,
            )
        )


class Unsubscribes(Resource["AsyncMailgun"]):
    """Addresses that a domain no longer sends to, because their owners asked for it."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[Unsubscribe]:
        """Return all unsubscribes of a domain.

        Args:
            limit: entries on a page; the service's own number when left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own when left out.
            options: what the call for each page does differently.
        """
        return Pages(self._single.unsubscribes.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Unsubscribe:
        """Return the unsubscribe of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.unsubscribes.get(address, domain=domain, options=options))

    def create(
        self, address: str, *, error: str | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Put an address on the list; one that is there already is replaced.

        Args:
            address: the recipient.
            error: why, in your own words; the API's table asks for it, its text does not.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            BadRequestError: the service found fault with the address.
        """
        return drive(self._single.unsubscribes.create(address, error=error, domain=domain, options=options))

    def create_many(
        self,
        records: Iterable[Record],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Put any number of addresses on the list, a thousand in a request, and account for every one of them.

        The bulk form is Mailgun's; Omnivery's page is silent about it. A request that fails leaves its records
        undelivered, and the report gives them back. An answer that every request would meet (401, 403, 404 …) ends
        the run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `error`, `tags`, `created_at`.
            concurrency: requests in flight.
            domain: the sending domain; the client's own when left out.
            options: time-outs, deadline, retries and headers of each request.

        Raises:
            ConfigError: a record has no address, or domain or key is missing; nothing was sent.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.unsubscribes.create_many(
                given_records,
                concurrency=concurrency,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Take an address off the list, so that mail is sent to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list; after a repeated attempt it may have been this call.
        """
        return drive(self._single.unsubscribes.delete(address, domain=domain, options=options))


class Webhooks(Resource["AsyncMailgun"]):
    """Where the service posts the events of a domain: up to three addresses for each kind of event.

    Names are open text; `omnivery.mail.webhook.WebhookType` has those that the documents mention.
    """

    def list(self, *, domain: str | None = None, options: CallOptions | None = None) -> Pages[Webhook]:
        """Return the webhooks of a domain. There is only one page of them.

        Args:
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.
        """
        return Pages(self._single.webhooks.list(domain=domain, options=options))

    def get(self, name: str, *, domain: str | None = None, options: CallOptions | None = None) -> Webhook:
        """Return one webhook.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is none of that name.
        """
        return drive(self._single.webhooks.get(name, domain=domain, options=options))

    def create(
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
        return drive(self._single.webhooks.create(name, urls, domain=domain, options=options))

    def update(
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
        return drive(self._single.webhooks.update(name, urls, domain=domain, options=options))

    def delete(self, name: str, *, domain: str | None = None, options: CallOptions | None = None) -> WebhookResult:
        """Delete a webhook, and return the addresses that it had.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: there is none of that name; after a repeated attempt it may be this call that deleted it.
        """
        return drive(self._single.webhooks.delete(name, domain=domain, options=options))


class Whitelists(Resource["AsyncMailgun"]):
    """Addresses that no bounce puts on a domain's bounce list."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[WhitelistEntry]:
        """Return all entries of a domain's whitelist.

        Args:
            limit: entries on a page; the service's own number when left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own when left out.
            options: what the call for each page does differently.
        """
        return Pages(self._single.whitelists.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> WhitelistEntry:
        """Return the entry of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.whitelists.get(address, domain=domain, options=options))

    def create(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistConfirmation:
        """Put an address on the list.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            BadRequestError: the service found fault with the address.
        """
        return drive(self._single.whitelists.create(address, domain=domain, options=options))

    def create_many(
        self,
        records: Iterable[Record],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Put any number of addresses on the list, and account for every one of them.

        The API has no bulk form for this list: each address is a request, several of them under way at once. An answer
        that every request would meet (401, 403, 404 …) ends the run.

        Args:
            records: addresses, or mappings with an `address` and nothing else.
            concurrency: requests in flight.
            domain: the sending domain; the client's own when left out.
            options: time-outs, deadline, retries and headers of each request.

        Raises:
            ConfigError: a record has no address or something beside it, or domain or key is missing; nothing was sent.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.whitelists.create_many(
                given_records,
                concurrency=concurrency,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistConfirmation:
        """Take an address off the list.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            NotFoundError: the address is not on the list; after a repeated attempt it may have been this call.
        """
        return drive(self._single.whitelists.delete(address, domain=domain, options=options))
