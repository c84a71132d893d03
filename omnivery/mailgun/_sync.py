"""The synchronous client of the surface `mailgun`, and its resources.

Written by `python -m tools.generate_sync` from the asynchronous source: do not edit it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._fork import delay_fork
from omnivery._lazy import lazy_property
from omnivery.mailgun.client import AsyncMailgun
from omnivery.sync.base import BaseClient, Pages, Resource, copied, on_loop, whole
from omnivery.sync.bridge import LoopBridge
from omnivery.transport.runtime import drive

if TYPE_CHECKING:
    import httpx
    import ssl
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from email.message import Message as MimeMessage
    from omnivery.mail.addresses import ParseResult
    from omnivery.mail.bulk import SendRun
    from omnivery.mail.message import Message, MessageLike, Queued
    from omnivery.mail.recipients import Mailboxes
    from omnivery.mail.sending import SendReport
    from omnivery.mail.suppression import SuppressionReport
    from omnivery.mail.vocabulary import DomainState, Resolution, StatsEvent, WebhookName
    from omnivery.mail.webhook import Webhook, WebhookResult
    from omnivery.mailgun.addresses import AddressValidation
    from omnivery.mailgun.bounces import Bounce
    from omnivery.mailgun.complaints import Complaint
    from omnivery.mailgun.config import Region
    from omnivery.mailgun.confirmation import AddressConfirmation, Confirmation
    from omnivery.mailgun.credentials import CredentialCreated, SmtpCredential
    from omnivery.mailgun.domains import Domain, DomainDetail, Tracking
    from omnivery.mailgun.stats import StatsTotal
    from omnivery.mailgun.suppressions import AddressOrFields
    from omnivery.mailgun.unsubscribes import Unsubscribe
    from omnivery.mailgun.whitelists import WhitelistConfirmation, WhitelistEntry
    from omnivery.transport.config import CallOptions, Limits, RetryPolicy, Timeouts
    from omnivery.transport.observe import Observer
    from os import PathLike
    from typing import Any, Literal, Self


class Mailgun(BaseClient[AsyncMailgun]):
    """Client of the Mailgun-compatible API.

    Open it with `with`, or call `close()` in the end.

    Any number of threads may share one client, and a forked child may use its parent's.

    It holds two kinds of key, and uses for each operation the kind that it needs: the sending key for sending and
    validation, the primary key for operations that manage the account. One key is enough for its own operations.

    Args:
        api_key: the account's primary key; `OMNIVERY_API_KEY` if left out. A sending key may be passed here, too.
        sending_key: a domain's sending key; `OMNIVERY_SENDING_KEY` if left out.
        domain: the sending domain for operations that need one; `OMNIVERY_DOMAIN` if left out.
        region: the entry point for requests: `global`, which picks the nearest, `eu` or `us`; `OMNIVERY_REGION` if left
            out, else `global`. Data stays in the region that the domain is configured for.
        base_url: another server, such as the emulator, with or without its `/v3`; `OMNIVERY_MAILGUN_URL` if left out.
            That variable takes precedence over a region.
        timeouts: timeouts of each attempt.
        retry: when to retry.
        limits: limits of requests in flight and idle connections.
        http_client: your own client of httpx, used as it is and never closed by us.
            It is an `httpx.Client`.
        adapter: the HTTP library that sends the requests: `"httpx"`, or `"aiohttp"`, which needs the extra `fast` and
            takes a fraction of the CPU.
            Bulk work runs over it, single calls always over httpx.
        proxy: URL of a proxy.
        trust_env: without `proxy`, use the one that the environment names for the base URL: HTTPS_PROXY, HTTP_PROXY or
            ALL_PROXY, unless NO_PROXY excludes the host.
        verify: an `ssl.SSLContext` of your own, or False to turn TLS verification off.
        observers: notified of each attempt.
        user_agent_suffix: your own text at the end of our User-Agent header.
        headers: further header fields of every request; those of `CallOptions` override them, and nothing overrides
            the credential.

    Raises:
        ConfigError: no key, both `region` and `base_url`, or an invalid argument.
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
        adapter: Literal["httpx", "aiohttp"] = "httpx",
        proxy: str | None = None,
        trust_env: bool = False,
        verify: ssl.SSLContext | bool = True,
        observers: Sequence[Observer] = (),
        user_agent_suffix: str | None = None,
        headers: Mapping[str, str] | None = None,
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
            trust_env=trust_env,
            verify=verify,
            observers=observers,
            user_agent_suffix=user_agent_suffix,
            headers=headers,
        )
        self._open(client)

    @lazy_property
    def messages(self) -> Messages:
        """Sending."""
        return Messages(self)

    @lazy_property
    def addresses(self) -> Addresses:
        """Validation and parsing of e-mail addresses."""
        return Addresses(self)

    @lazy_property
    def domains(self) -> Domains:
        """Sending domains."""
        return Domains(self)

    @lazy_property
    def credentials(self) -> Credentials:
        """SMTP credentials of a domain."""
        return Credentials(self)

    @lazy_property
    def stats(self) -> Stats:
        """Counts of events."""
        return Stats(self)

    @lazy_property
    def bounces(self) -> Bounces:
        """Addresses that mail is no longer delivered to, because it bounced."""
        return Bounces(self)

    @lazy_property
    def complaints(self) -> Complaints:
        """Addresses whose owners reported a message as spam."""
        return Complaints(self)

    @lazy_property
    def unsubscribes(self) -> Unsubscribes:
        """Addresses whose owners unsubscribed."""
        return Unsubscribes(self)

    @lazy_property
    def whitelists(self) -> Whitelists:
        """Addresses and domains that are exempt from suppressions."""
        return Whitelists(self)

    @lazy_property
    def webhooks(self) -> Webhooks:
        """The URLs to which the service posts the events of a domain."""
        return Webhooks(self)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        sending_key: str | None = None,
        domain: str | None = None,
        region: Region | None = None,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a cheap clone with other settings, which shares connections, slots and retry budget.

        A clone with another `api_key` has no `sending_key` unless one is given, too: it would be the old account's.
        With another `region` or `base_url`, the keys go to that server.
        Closing the clone does nothing; closing this client closes the connections of both.

        Raises:
            ConfigError: an argument is invalid.
        """
        return self._changed(
            self._async.with_options(
                api_key=api_key,
                sending_key=sending_key,
                domain=domain,
                region=region,
                base_url=base_url,
                timeouts=timeouts,
                retry=retry,
                headers=headers,
            )
        )


class Addresses(Resource["AsyncMailgun"]):
    """Validation and parsing of e-mail addresses."""

    def validate(self, address: str, *, options: CallOptions | None = None) -> AddressValidation:
        """Check whether an e-mail address can receive mail.

        The domain's settings must allow it: the service passes the address to another company (Kickbox).

        Args:
            address: one address, without a name.
            options: options of this call.

        Raises:
            ConfigError: the address is empty; nothing was sent.
            AuthenticationError, ForbiddenError: the key is not a domain's sending key, which this operation requires.
        """
        return drive(self._single.addresses.validate(address, options=options))

    def parse(self, addresses: str | Iterable[str], *, options: CallOptions | None = None) -> ParseResult:
        """Split a list of e-mail addresses into those that can be parsed and those that cannot. Checks syntax only.

        Args:
            addresses: addresses with or without names, as one comma-separated text or as an iterable. A name that
                contains a comma must be quoted.
            options: options of this call.

        Raises:
            ConfigError: there is no address; nothing was sent.
        """
        return drive(self._single.addresses.parse(addresses, options=options))


class Bounces(Resource["AsyncMailgun"]):
    """Addresses that a domain no longer sends to, because mail to them bounced."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[Bounce]:
        """Return all bounces of a domain.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        return Pages(self._single.bounces.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Bounce:
        """Return the bounce of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

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
        """Add an address to the list, or replace its entry.

        Two documents disagree: Omnivery's table asks for a JSON object, Mailgun for a form. The SDK sends JSON. If the
        response is 400, it sends the same fields once more as a form, and this client uses forms from then on.

        Args:
            address: the recipient.
            code: SMTP code of the refusal; the service's own (Mailgun's is 550) if left out.
            error: text from the recipient's server.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
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
        records: Iterable[AddressOrFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Add any number of addresses to the list, a thousand in a request, and report the outcome of each.

        The bulk request is Mailgun's; Omnivery's page does not mention it. The records of a failed request
        are undelivered, and the report returns them. A response that every request would get (401, 403, 404 …) ends the
        run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `code`, `error`, `created_at`.
            concurrency: requests in flight.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Raises:
            ConfigError: domain or key is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.bounces.create_many(
                given_records,
                concurrency=concurrency,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Remove an address from the list, so that mail is delivered to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list; after a retry, this call itself may have removed it.
        """
        return drive(self._single.bounces.delete(address, domain=domain, options=options))

    def delete_all(self, *, domain: str | None = None, options: CallOptions | None = None) -> Confirmation:
        """Warning: this wipes the domain's whole bounce list, and the API cannot undo it.

        Mail then goes to every address that ever bounced, which harms the domain's reputation. Keep a copy first:
        `client.bounces.list().collect()`.

        Args:
            domain: the sending domain; the client's own if left out.
            options: options of this call.
        """
        return drive(self._single.bounces.delete_all(domain=domain, options=options))


class Complaints(Resource["AsyncMailgun"]):
    """Addresses that a domain no longer sends to, because their owners reported a message as spam."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[Complaint]:
        """Return all complaints of a domain.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        return Pages(self._single.complaints.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Complaint:
        """Return the complaint of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.complaints.get(address, domain=domain, options=options))

    def create(
        self, address: str, *, error: str, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Add an address to the list, or replace its entry.

        Args:
            address: the recipient.
            error: what the complaint says.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
        """
        return drive(self._single.complaints.create(address, error=error, domain=domain, options=options))

    def create_many(
        self,
        records: Iterable[AddressOrFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Add any number of addresses to the list, a thousand in a request, and report the outcome of each.

        The bulk request is Mailgun's; Omnivery's page does not mention it. The records of a failed request
        are undelivered, and the report returns them. A response that every request would get (401, 403, 404 …) ends the
        run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `error`, `created_at`.
            concurrency: requests in flight.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Raises:
            ConfigError: domain or key is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.complaints.create_many(
                given_records,
                concurrency=concurrency,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Remove an address from the list, so that mail is delivered to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list; after a retry, this call itself may have removed it.
        """
        return drive(self._single.complaints.delete(address, domain=domain, options=options))


class Credentials(Resource["AsyncMailgun"]):
    """SMTP credentials of a domain.

    The API's page asks for a password of 5 to 32 characters, the service's guide for at least 8 with a capital and a
    special character. The server decides; the SDK does not check it.
    """

    def list(
        self, *, limit: int = 100, skip: int = 0, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[SmtpCredential]:
        """Return the SMTP users of a domain.

        Args:
            limit: users on a page.
            skip: users to leave out at the start of the list.
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        return Pages(self._single.credentials.list(limit=limit, skip=skip, domain=domain, options=options))

    def create(
        self, login: str, password: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> CredentialCreated:
        """Create an SMTP user.

        Args:
            login: the user name: a plain name, or a whole address in the domain.
            password: the password.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the name is taken, or the password is not good enough.
            AmbiguousError: the response was lost, so the user may exist: it is not retried.
        """
        return drive(self._single.credentials.create(login, password, domain=domain, options=options))

    def update_password(
        self, login: str, password: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> Confirmation:
        """Change the password of an SMTP user.

        Args:
            login: the user name, as the list has it.
            password: the new password.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no such user.
        """
        return drive(self._single.credentials.update_password(login, password, domain=domain, options=options))

    def delete(self, login: str, *, domain: str | None = None, options: CallOptions | None = None) -> Confirmation:
        """Delete an SMTP user.

        Args:
            login: the user name, as the list has it.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no such user; after a retry, this call itself may have deleted it.
        """
        return drive(self._single.credentials.delete(login, domain=domain, options=options))


class Domains(Resource["AsyncMailgun"]):
    """Sending domains. Each method takes the domain's name; the client's own domain is not used here."""

    def list(
        self, *, state: DomainState | None = None, limit: int = 100, skip: int = 0, options: CallOptions | None = None
    ) -> Pages[Domain]:
        """Return the domains that the key may see: all domains of the account, or a sending key's own.

        Args:
            state: only those in this state, such as `active`.
            limit: domains on a page.
            skip: domains to leave out at the start of the list.
            options: options of the call for each page.
        """
        return Pages(self._single.domains.list(state=state, limit=limit, skip=skip, options=options))

    def get(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain with its DNS records. A good way to check a key.

        Args:
            name: the domain.
            options: options of this call.

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
        """Create a domain. It can send once the service's staff have vetted it and its DNS records are verified.

        Args:
            name: the domain.
            smtp_password: for SMTP submission, 5 to 32 characters.
            wildcard: whether it accepts mail for its subdomains, too; the service's default is false.
            options: options of this call.

        Raises:
            ConfigError: there is no primary key; nothing was sent.
            AmbiguousError: the response was lost, so the domain may exist: it is not retried.
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
        """Delete a domain with everything in it.

        Args:
            name: the domain.
            options: options of this call.

        Raises:
            NotFoundError: there is no such domain; after a retry, this call itself may have deleted it.
        """
        return drive(self._single.domains.delete(name, options=options))

    def verify(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Have the domain's DNS records checked now, and return the result.

        Only a domain in the state `unverified`, which the service's staff have vetted, can be verified.

        Args:
            name: the domain.
            options: options of this call.
        """
        return drive(self._single.domains.verify(name, options=options))

    def tracking(self, name: str, *, options: CallOptions | None = None) -> Tracking:
        """Return the tracking settings of a domain.

        Args:
            name: the domain.
            options: options of this call.
        """
        return drive(self._single.domains.tracking(name, options=options))

    def disable(self, name: str, *, options: CallOptions | None = None) -> DomainDetail:
        """Stop all sending from a domain. Warning: the API cannot undo it.

        Only the service's web interface can enable the domain again.

        Args:
            name: the domain.
            options: options of this call.

        Raises:
            AmbiguousError: the response was lost, so the domain may be disabled: it is not retried.
        """
        return drive(self._single.domains.disable(name, options=options))


class Messages(Resource["AsyncMailgun"]):
    """Sending. A message whose response is lost is never retried by the SDK: that could be a second e-mail."""

    def send(self, message: MessageLike, *, domain: str | None = None, options: CallOptions | None = None) -> Queued:
        """Send a message.

        Args:
            message: what to send, to at most 1000 recipients: a `Message`, or a mapping of Mailgun's own field names,
                as in `Message.from_form`.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Returns:
            The receipt. Webhooks report whether the message was delivered.

        Raises:
            ConfigError: the message cannot be sent as it is; the text names the field. Nothing was sent.
            AmbiguousError: the response was lost, and the message may have been sent.
            BadRequestError: the service refused the message, for instance because From is outside the sending
                domain's organisational domain.
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
        headers: Mapping[str, str | int] | None = None,
        custom: Mapping[str, Any] | None = None,
        callback_url: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> Queued:
        """Send a complete MIME message.

        Bcc fields are always removed from it. It is sent as a file in a multipart form, as Mailgun's own clients do:
        Omnivery's table says url-encoded text, which could not carry bytes that are not UTF-8.

        Args:
            to: recipients; None for the addresses in the message's To, Cc and Bcc fields.
            mime: the message, as bytes, as text or as an `email.message.EmailMessage`.
            tags: as in `Message`, like all further options.
            test_mode: accept the message and deliver it to nobody.
            tracking: whether to track opens and clicks.
            headers: further headers.
            custom: your own data.
            callback_url: webhook URL for this message only.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: there are no recipients or too many, a recipient in `mime` cannot be parsed, or an option is
                invalid. Nothing was sent.
            AmbiguousError: the response was lost, and the message may have been sent.
            BadRequestError: the service refused the message.
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
        on_progress: Callable[[SendReport], None] | None = None,
        progress: bool = False,
        journal: str | PathLike[str] | None = None,
        max_outage: float | None = 60.0,
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
                An iterator runs in the calling thread.
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
        bridge: LoopBridge[SendReport] = LoopBridge()
        given_messages = bridge.source(messages, argument="messages", unattended=on_progress is None)
        given_on_progress = bridge.callback(on_progress)
        return bridge.run(
            lambda: self._async.messages.send_many(
                given_messages,
                concurrency=concurrency,
                on_progress=given_on_progress,
                progress=progress,
                journal=journal,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )

    def stream(
        self,
        messages: Iterable[Message],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        journal: str | PathLike[str] | None = None,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SendRun:
        """Send as `send_many` does, and watch it message by message.

            with client.messages.stream(messages) as run:
                for outcome in run:
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
        with delay_fork():
            from omnivery.mail.bulk import SendRun
        bridge: LoopBridge[None] = LoopBridge()
        given_messages = bridge.source(messages, argument="messages")
        run = on_loop(
            lambda: self._async.messages.stream(
                given_messages,
                concurrency=concurrency,
                ordered=ordered,
                journal=journal,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )
        return SendRun(bridge, run)

    def send_batch(
        self,
        message: MessageLike,
        recipients: Mapping[str, Mapping[str, Any]],
        *,
        individually: bool = False,
        concurrency: int = 8,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SendReport:
        """Send one message to any number of recipients, each of whom sees only their own address.

        The recipients are split into calls of 1000, each with the field `recipient-variables`, which hides them from
        one another. `%recipient.name%` in the message's texts becomes the recipient's variable `name`. Mailgun's: for
        this API, Omnivery's page does not list that field. `individually=True` does without it.

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
        bridge: LoopBridge[SendReport] = LoopBridge()
        given_recipients = copied(recipients)
        return bridge.run(
            lambda: self._async.messages.send_batch(
                message,
                given_recipients,
                individually=individually,
                concurrency=concurrency,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )


class Stats(Resource["AsyncMailgun"]):
    """Counts of events of a domain's messages."""

    def total(
        self,
        event: StatsEvent | Iterable[StatsEvent],
        *,
        start: datetime | int | str | None = None,
        end: datetime | int | str | None = None,
        resolution: Resolution | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> StatsTotal:
        """Count events.

        Args:
            event: one or several of `accepted`, `delivered`, `failed`, `opened`, `clicked`, `unsubscribed`,
                `complained` and `stored`; the set is open.
            start: a `datetime` with a zone, unix seconds, or RFC 2822 text.
            end: as `start`.
            resolution: `hour`, `day` or `month`; the service's default is `day`. Mailgun keeps hours for two months and
                days for a year.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: no event is named, or a time has no time zone; nothing was sent.
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
    """Addresses that a domain no longer sends to, because their owners unsubscribed."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[Unsubscribe]:
        """Return all unsubscribes of a domain.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        return Pages(self._single.unsubscribes.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> Unsubscribe:
        """Return the unsubscribe of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.unsubscribes.get(address, domain=domain, options=options))

    def create(
        self, address: str, *, error: str | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Add an address to the list, or replace its entry.

        Args:
            address: the recipient.
            error: why, in your own words; the API's table asks for it, its text does not.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
        """
        return drive(self._single.unsubscribes.create(address, error=error, domain=domain, options=options))

    def create_many(
        self,
        records: Iterable[AddressOrFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Add any number of addresses to the list, a thousand in a request, and report the outcome of each.

        The bulk request is Mailgun's; Omnivery's page does not mention it. The records of a failed request
        are undelivered, and the report returns them. A response that every request would get (401, 403, 404 …) ends the
        run.

        Args:
            records: addresses, or mappings in the API's own names: `address`, `error`, `tags`, `created_at`.
            concurrency: requests in flight.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Raises:
            ConfigError: domain or key is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.unsubscribes.create_many(
                given_records,
                concurrency=concurrency,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> AddressConfirmation:
        """Remove an address from the list, so that mail is delivered to it again.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list; after a retry, this call itself may have removed it.
        """
        return drive(self._single.unsubscribes.delete(address, domain=domain, options=options))


class Webhooks(Resource["AsyncMailgun"]):
    """The URLs to which the service posts the events of a domain: up to three for each kind of event.

    `opened` and `clicked` are sent only if the domain tracks opens and clicks. The set of names is open; `WebhookType`
    has those that the API pages mention.
    """

    def list(self, *, domain: str | None = None, options: CallOptions | None = None) -> Pages[Webhook]:
        """Return the webhooks of a domain. There is only one page of them.

        Args:
            domain: the sending domain; the client's own if left out.
            options: options of this call.
        """
        return Pages(self._single.webhooks.list(domain=domain, options=options))

    def get(self, name: WebhookName, *, domain: str | None = None, options: CallOptions | None = None) -> Webhook:
        """Return one webhook.

        Args:
            name: the kind of event, such as `opened`.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: there is no webhook of that name.
        """
        return drive(self._single.webhooks.get(name, domain=domain, options=options))

    def create(
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
        return drive(self._single.webhooks.create(name, urls, domain=domain, options=options))

    def update(
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
        return drive(self._single.webhooks.update(name, urls, domain=domain, options=options))

    def delete(
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
        return drive(self._single.webhooks.delete(name, domain=domain, options=options))


class Whitelists(Resource["AsyncMailgun"]):
    """Addresses and domains that are exempt from suppressions: mail to them is delivered, whatever list they are on."""

    def list(
        self, *, limit: int | None = None, domain: str | None = None, options: CallOptions | None = None
    ) -> Pages[WhitelistEntry]:
        """Return all entries of a domain's whitelist.

        Args:
            limit: entries on a page; the service's own number if left out (Mailgun's is 100, and 1000 at most).
            domain: the sending domain; the client's own if left out.
            options: options of the call for each page.
        """
        return Pages(self._single.whitelists.list(limit=limit, domain=domain, options=options))

    def get(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> WhitelistEntry:
        """Return the entry of one address.

        Args:
            address: the recipient, as it was sent to.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list.
        """
        return drive(self._single.whitelists.get(address, domain=domain, options=options))

    def create(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistConfirmation:
        """Exempt an address from suppressions: mail to it is delivered, whatever list it is on.

        Two documents disagree: Omnivery's page puts the address into the query, Mailgun into a form. The SDK sends
        both.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            BadRequestError: the service rejected the address.
        """
        return drive(self._single.whitelists.create(address, domain=domain, options=options))

    def create_many(
        self,
        records: Iterable[AddressOrFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Add any number of addresses to the list, and report the outcome of each.

        The API has no bulk request for this list: each address is a request, with several in flight. A response that
        every request would get (401, 403, 404 …) ends the run.

        Args:
            records: addresses, or mappings with an `address` and nothing else.
            concurrency: requests in flight.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Raises:
            ConfigError: domain or key is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.whitelists.create_many(
                given_records,
                concurrency=concurrency,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )

    def delete(
        self, address: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WhitelistConfirmation:
        """Remove an address from the list.

        Args:
            address: the recipient.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: the address is not on the list; after a retry, this call itself may have removed it.
        """
        return drive(self._single.whitelists.delete(address, domain=domain, options=options))
