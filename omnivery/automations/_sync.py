"""The synchronous client of the surface `automations`, and its resources.

Written by `python -m tools.generate_sync` from the asynchronous source: do not edit it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._fork import delay_fork
from omnivery._lazy import lazy_property
from omnivery.automations.client import AsyncAutomations
from omnivery.sync.base import BaseClient, Pages, Resource, copied, on_loop, plain, whole
from omnivery.sync.bridge import LoopBridge
from omnivery.transport.runtime import drive

if TYPE_CHECKING:
    import httpx
    import ssl
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from omnivery.automations.account import AuthInfo
    from omnivery.automations.addresses import KickboxResult
    from omnivery.automations.domains import Domain, DomainDetail
    from omnivery.automations.honeypots import SupportsHtml
    from omnivery.automations.report import BatchReceipt, SubmitReport
    from omnivery.automations.round_trip import RoundTripReport
    from omnivery.automations.run import BulkRun
    from omnivery.automations.suppressions import SuppressionAdded, SuppressionFields
    from omnivery.automations.webhooks import WebhookSample
    from omnivery.automations.writer.options import Overflow
    from omnivery.automations.writer.sync import EventWriter
    from omnivery.bulk.source import Resumable
    from omnivery.events.event import BotEvent, EventLike
    from omnivery.events.verdict import PendingVerdict, Verdict
    from omnivery.mail.addresses import ParseResult
    from omnivery.mail.bulk import SendRun
    from omnivery.mail.message import Message, MessageLike, Queued
    from omnivery.mail.sending import SendReport
    from omnivery.mail.suppression import SuppressionReport
    from omnivery.mail.vocabulary import SuppressionType, WebhookName
    from omnivery.mail.webhook import WebhookResult
    from omnivery.readers.frames import ArrowStream
    from omnivery.transport.config import CallOptions, Limits, RetryPolicy, Timeouts
    from omnivery.transport.observe import Observer
    from omnivery.webhooks.receiver import Receiver
    from omnivery.webhooks.store import VerdictStore
    from os import PathLike
    from typing import Any, Literal, Self


class Automations(BaseClient[AsyncAutomations]):
    """Client of the Automations API.

    Open it with `with`, or call `close()` in the end.

    Any number of threads may share one client, and a forked child may use its parent's.

    Args:
        token: the account's or the domain's token; `OMNIVERY_TOKEN` if left out.
        domain: the sending domain for operations that need one; `OMNIVERY_DOMAIN` if left out.
        base_url: another server, such as the emulator; `OMNIVERY_AUTOMATIONS_URL` if left out, else the service.
        webhook_url: the URL to which verdicts are posted; `OMNIVERY_WEBHOOK_URL` if left out.
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
        ConfigError: no token, or an invalid argument.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        domain: str | None = None,
        base_url: str | None = None,
        webhook_url: str | None = None,
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
        client = AsyncAutomations(
            token,
            domain=domain,
            base_url=base_url,
            webhook_url=webhook_url,
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
    def bots(self) -> Bots:
        """Bot detection."""
        return Bots(self)

    @lazy_property
    def honeypots(self) -> Honeypots:
        """Hidden links that reveal bots."""
        return Honeypots(self)

    @lazy_property
    def messages(self) -> Messages:
        """Sending mail."""
        return Messages(self)

    @lazy_property
    def addresses(self) -> Addresses:
        """Validation and parsing of e-mail addresses."""
        return Addresses(self)

    @lazy_property
    def suppressions(self) -> Suppressions:
        """Addresses that mail is no longer delivered to."""
        return Suppressions(self)

    @lazy_property
    def domains(self) -> Domains:
        """Sending domains, read-only."""
        return Domains(self)

    @lazy_property
    def webhooks(self) -> Webhooks:
        """The URLs to which delivery events are posted."""
        return Webhooks(self)

    @lazy_property
    def account(self) -> Account:
        """The owner of the token."""
        return Account(self)

    def with_options(
        self,
        *,
        token: str | None = None,
        domain: str | None = None,
        base_url: str | None = None,
        webhook_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a cheap clone with other settings, which shares connections, slots and retry budget.

        Closing the clone does nothing; closing this client closes the connections of both.

        Raises:
            ConfigError: an argument is invalid.
        """
        return self._changed(
            self._async.with_options(
                token=token,
                domain=domain,
                base_url=base_url,
                webhook_url=webhook_url,
                timeouts=timeouts,
                retry=retry,
                headers=headers,
            )
        )


class Account(Resource["AsyncAutomations"]):
    """The account of the token."""

    def test(self, *, options: CallOptions | None = None) -> AuthInfo:
        """Return the owner of the token: the cheapest check that token and base URL are right.

        Args:
            options: options of this call.

        Raises:
            AuthenticationError: the service does not know the token.
        """
        return drive(self._single.account.test(options=options))


class Addresses(Resource["AsyncAutomations"]):
    """Validation and parsing of e-mail addresses."""

    def validate(self, address: str, *, domain: str | None = None, options: CallOptions | None = None) -> KickboxResult:
        """Check whether an e-mail address can receive mail.

        The domain's settings must allow it: the service passes the address to another company (Kickbox).

        Args:
            address: one address, without a name.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: the address is empty or the domain is missing; nothing was sent.
        """
        return drive(self._single.addresses.validate(address, domain=domain, options=options))

    def parse(self, addresses: str | Iterable[str], *, options: CallOptions | None = None) -> ParseResult:
        """Split a list of e-mail addresses into those that can be parsed and those that cannot. Checks syntax only.

        Args:
            addresses: addresses with or without names, as one comma-separated text or as an iterable. A name that
                contains a comma must be quoted.
            options: options of this call.

        Raises:
            ConfigError: there is no address; nothing was sent.
            BadRequestError: the text is too long; Mailgun's limit is 8000 characters.
        """
        return drive(self._single.addresses.parse(addresses, options=options))


class Bots(Resource["AsyncAutomations"]):
    """Bot detection. In bulk, verdicts come to your webhook; a single interaction can be checked at once."""

    def submit(
        self,
        events: Iterable[EventLike] | Resumable[EventLike] | ArrowStream,
        *,
        webhook_url: str | None = None,
        concurrency: int = 8,
        on_progress: Callable[[SubmitReport], None] | None = None,
        progress: bool = False,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        max_bytes: int = 1000000,
        journal: str | PathLike[str] | None = None,
        journal_limit: int = 1000000000,
        journal_keep: float | None = None,
        max_outage: float | None = 600.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SubmitReport:
        """Submit any number of events in concurrent batches, and account for every one of them.

        The source may be endless: at most twice `concurrency` batches of 500 events are in memory at any moment.

        An iterator runs in the calling thread, as does `on_progress`.

        An event that cannot be sent becomes a rejection, and its batch is sent without it. A failed request is tried
        again (ten times, unless `options` or the client say otherwise). A rate limit slows the run. In an outage it
        holds its batches and stops reading the source until the service is back. Events that were not accepted in the
        end are undelivered, and the report returns them. A response that every batch would get (401, 402, 403 …, a
        `Retry-After` beyond `max_retry_after`) stops the run, and so do 50,000 undelivered events.

        With a journal, the same call after a crash resumes where the first one stood: no event is lost, and only
        batches whose response was lost are sent twice. The report then adds up all runs with the journal.

        Args:
            events: `BotEvent`s, mappings in the API's own names, lines of NDJSON as bytes, the items of
                `omnivery.readers`, or a data frame (anything with `__arrow_c_stream__`) with columns named like an
                event's fields.
            webhook_url: the URL to which the service posts the verdicts; the client's own if left out.
            concurrency: batches in flight; fewer while the server asks to slow down.
            on_progress: called with the report so far after each batch; no coroutine function.
            progress: show a bar in a notebook or on a terminal, and lines in the log `omnivery.progress` elsewhere.
            events_per_second: most events a second, evenly spread; an event that is sent again counts once.
            requests_per_second: most requests a second, evenly spread, retries among them.
            max_bytes: largest request in bytes; a larger batch is halved.
            journal: a file that records the run; created if it does not exist. Undelivered events are in it, not in
                memory.
            journal_limit: bytes of events in the journal that are not accepted, beyond which the source is not read.
            journal_keep: seconds after which the journal deletes ids of accepted events, and rejected items; their
                counts stay. None keeps them for good, 53 bytes an event.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: timeouts, deadline, retries and headers of each request.

        Returns:
            The report: `accepted + rejected + undelivered == read`. Check it, or call `raise_for_failures()`.

        Raises:
            ConfigError: domain or webhook_url is missing, or `events` is not an iterable of events; or the journal
                cannot be used, or belongs to other settings or to another source. Nothing was sent.
            BulkError: the source or `on_progress` raised; that exception is the cause. The events that were read before
                are settled, and `report` has their outcome.
        """
        with delay_fork():
            from omnivery.readers.frames import as_events
        bridge: LoopBridge[SubmitReport] = LoopBridge()
        given_events = bridge.source(as_events(events), argument="events", unattended=on_progress is None)
        given_on_progress = bridge.callback(on_progress)
        return bridge.run(
            lambda: self._async.bots.submit(
                given_events,
                webhook_url=webhook_url,
                concurrency=concurrency,
                on_progress=given_on_progress,
                progress=progress,
                events_per_second=events_per_second,
                requests_per_second=requests_per_second,
                max_bytes=max_bytes,
                journal=journal,
                journal_limit=journal_limit,
                journal_keep=journal_keep,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )

    def submit_and_wait(
        self,
        events: Iterable[EventLike] | Resumable[EventLike] | ArrowStream,
        verdicts: Receiver | VerdictStore,
        *,
        timeout: float,
        webhook_url: str | None = None,
        concurrency: int = 8,
        on_progress: Callable[[RoundTripReport], None] | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> RoundTripReport:
        """Submit events as `submit` does, and wait for their verdicts.

            report = client.bots.submit_and_wait(events, store, timeout=600)

        Verdicts are matched to events by `event_id`. The wait ends when every accepted event has its verdict, when no
        verdict can come any more, because the receiver refused the calls that brought them, or after the timeout.
        The ids of accepted events are held in memory until their verdict is there; for a submission that survives a
        crash, there is the command `omnivery bots run`.

        Args:
            events: as in `submit`.
            verdicts: the `Receiver` behind the webhook URL, if it runs in this process, so that refusals are seen; or
                the `VerdictStore` of a receiver anywhere on this machine. Run the receiver in a `Listener` or a server
                of yours. Without a store, a receiver's verdicts are held in memory.
            timeout: seconds to wait for verdicts once everything is submitted.
            webhook_url: as in `submit`: the receiver's public URL.
            concurrency: as in `submit`.
            on_progress: called with the report so far after each batch; no coroutine function.
            domain: as in `submit`.
            options: as in `submit`.

        Returns:
            The report: `verdicts + missing == accepted`. Check it, or call `raise_for_failures()`.

        Raises:
            ConfigError: as in `submit`; or the timeout is not a number from 0 up, or `verdicts` is neither of the two.
                Nothing was sent.
            BulkError: as in `submit`, or the store raised; its report is a `RoundTripReport`.
        """
        with delay_fork():
            from omnivery.readers.frames import as_events
        bridge: LoopBridge[RoundTripReport] = LoopBridge()
        given_events = bridge.source(as_events(events), argument="events", unattended=on_progress is None)
        given_on_progress = bridge.callback(on_progress)
        return bridge.run(
            lambda: self._async.bots.submit_and_wait(
                given_events,
                verdicts,
                timeout=timeout,
                webhook_url=webhook_url,
                concurrency=concurrency,
                on_progress=given_on_progress,
                domain=domain,
                options=options,
            )
        )

    def retry(
        self,
        journal: str | PathLike[str],
        *,
        concurrency: int = 8,
        on_progress: Callable[[SubmitReport], None] | None = None,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        max_outage: float | None = 600.0,
        options: CallOptions | None = None,
    ) -> SubmitReport:
        """Send the undelivered events of a journal again. No source is read.

        Args:
            journal: the file. It has the domain and the webhook URL of its run.
            concurrency: as in `submit`.
            on_progress: as in `submit`.
            events_per_second: as in `submit`.
            requests_per_second: as in `submit`.
            max_outage: as in `submit`.
            options: as in `submit`.

        Returns:
            The report of all runs with the journal, this one included.

        Raises:
            ConfigError: there is no such journal, or it cannot be used, or the client uses another server. Nothing was
                sent.
            BulkError: `on_progress` raised; as in `submit`.
        """
        bridge: LoopBridge[SubmitReport] = LoopBridge()
        given_on_progress = bridge.callback(on_progress)
        return bridge.run(
            lambda: self._async.bots.retry(
                journal,
                concurrency=concurrency,
                on_progress=given_on_progress,
                events_per_second=events_per_second,
                requests_per_second=requests_per_second,
                max_outage=max_outage,
                options=options,
            )
        )

    def stream(
        self,
        events: Iterable[EventLike] | Resumable[EventLike] | ArrowStream,
        *,
        webhook_url: str | None = None,
        concurrency: int = 8,
        ordered: bool = False,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        max_bytes: int = 1000000,
        journal: str | PathLike[str] | None = None,
        journal_limit: int = 1000000000,
        journal_keep: float | None = None,
        max_outage: float | None = 600.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> BulkRun:
        """Submit as `submit` does, and watch it batch by batch.

            with client.bots.stream(events) as run:
                for outcome in run:
                    ...
            run.report.raise_for_failures()

        Outcomes come in the order in which batches end, or with `ordered` in the order of the source. A consumer that
        stops reading stops the run. Leaving the block early ends the run, and batches in flight are then undelivered.
        If the source raises, its exception leaves the iteration once all events before it are settled. With a journal,
        outcomes of batches that earlier runs left come first, with their events as lines of NDJSON.

        Args:
            events: as in `submit`.
            webhook_url: as in `submit`.
            concurrency: as in `submit`.
            ordered: have outcomes in the order in which the source was read; batches behind a slow one wait for it.
            events_per_second: as in `submit`.
            requests_per_second: as in `submit`.
            max_bytes: as in `submit`.
            journal: as in `submit`. It is opened when the block is entered.
            journal_limit: as in `submit`.
            journal_keep: as in `submit`.
            max_outage: as in `submit`.
            domain: as in `submit`.
            options: as in `submit`.

        Raises:
            ConfigError: as in `submit`.
        """
        with delay_fork():
            from omnivery.automations.run import BulkRun
            from omnivery.readers.frames import as_events
        bridge: LoopBridge[None] = LoopBridge()
        given_events = bridge.source(as_events(events), argument="events")
        run = on_loop(
            lambda: self._async.bots.stream(
                given_events,
                webhook_url=webhook_url,
                concurrency=concurrency,
                ordered=ordered,
                events_per_second=events_per_second,
                requests_per_second=requests_per_second,
                max_bytes=max_bytes,
                journal=journal,
                journal_limit=journal_limit,
                journal_keep=journal_keep,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )
        return BulkRun(bridge, run)

    def writer(
        self,
        *,
        linger: float = 1.0,
        max_events: int = 500,
        max_bytes: int = 1000000,
        max_buffered: int = 50000,
        overflow: Overflow = "wait",
        close_timeout: float = 30.0,
        cancel_timeout: float = 5.0,
        webhook_url: str | None = None,
        concurrency: int = 4,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        journal: str | PathLike[str] | None = None,
        journal_keep: float | None = None,
        max_outage: float | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> EventWriter:
        """Submit events one by one as they happen, in a service: the writer collects them into batches.

            with client.bots.writer() as writer:
                writer.put(event)

        A batch goes out when `max_events` or `max_bytes` are reached, when its oldest event has waited for `linger`
        seconds, on `flush()`, and when the block is left, which waits for it. The report is `submit`'s, in
        `writer.report`: `accepted + rejected + undelivered == read` in the end.

        Args:
            linger: seconds that an event waits for others to fill its batch.
            max_events: events of one batch, 500 at most.
            max_bytes: bytes of one batch. The writer estimates them; a request beyond it is halved.
            max_buffered: events that may wait, beside at most `concurrency` batches in flight.
            overflow: what `put` does when `max_buffered` events wait. `wait`: it waits for room. `raise`: it raises a
                `BulkError`. `drop`: the event is lost, counted in `report.dropped` and logged.
            close_timeout: longest time in seconds for leaving the block; events that are not accepted by then are
                undelivered.
            cancel_timeout: the same for a block that is left by cancellation or Ctrl-C.
            webhook_url: as in `submit`.
            concurrency: as in `submit`.
            events_per_second: as in `submit`.
            requests_per_second: as in `submit`.
            journal: as in `submit`.
            journal_keep: as in `submit`.
            max_outage: as in `submit`; no limit if left out. Meanwhile the buffer fills, and `overflow` decides.
            domain: as in `submit`.
            options: as in `submit`.

        Raises:
            ConfigError: domain or webhook_url is missing, or an option is invalid; nothing was sent.
        """
        with delay_fork():
            from omnivery.automations.writer.sync import EventWriter
        bridge: LoopBridge[None] = LoopBridge()
        run = on_loop(
            lambda: self._async.bots.writer(
                linger=linger,
                max_events=max_events,
                max_bytes=max_bytes,
                max_buffered=max_buffered,
                overflow=overflow,
                close_timeout=close_timeout,
                cancel_timeout=cancel_timeout,
                webhook_url=webhook_url,
                concurrency=concurrency,
                events_per_second=events_per_second,
                requests_per_second=requests_per_second,
                journal=journal,
                journal_keep=journal_keep,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )
        return EventWriter(bridge, run)

    def submit_batch(
        self,
        events: Iterable[EventLike],
        *,
        webhook_url: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> BatchReceipt:
        """Submit at most 500 events in one request. Their verdicts come to the webhook.

        Events that are not valid are not sent, and are in the receipt's `rejections`; if none is valid, nothing is
        sent. Status and body of the service's response are not documented: the receipt has both as they are.

        Args:
            events: as in `submit`.
            webhook_url: where the service sends the verdicts; the client's own if left out.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: more than 500 events, or not an iterable of events, or domain or webhook_url is missing;
                nothing was sent.
            BadRequestError: the service refused the request, and accepted none of the events.
            PayloadTooLargeError: the request is larger than the service accepts.
            PaymentRequiredError: bot detection is not enabled for the domain.
        """
        return drive(
            self._single.bots.submit_batch(
                plain(events, argument="events"),
                webhook_url=webhook_url,
                domain=domain,
                options=options,
            )
        )

    def check(
        self,
        event: BotEvent | Mapping[str, Any],
        *,
        webhook_url: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> Verdict | PendingVerdict:
        """Check one interaction. Return its verdict, or a `PendingVerdict` if the service decides later.

        By the service's design this takes a second or more and is rate limited: use it for tests and rare cases, and
        `submit` for streams. Attributes of your own that are not text are sent as JSON.

        Args:
            event: needs `ip` or `uas`; every further field makes the verdict more accurate.
            webhook_url: where to send the verdict as well. Unlike in bulk, none is sent unless you name one here.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: neither `ip` nor `uas` is given, a value has no JSON form, or the domain is missing; nothing
                was sent.
            PaymentRequiredError: bot detection is not enabled for the domain.
            RateLimitError: too many single checks.
        """
        return drive(self._single.bots.check(event, webhook_url=webhook_url, domain=domain, options=options))

    def result(self, request_id: str, *, domain: str | None = None, options: CallOptions | None = None) -> Verdict:
        """Return the verdict of an earlier `check`.

        Args:
            request_id: from the `PendingVerdict`.
            domain: the sending domain that the check was made under; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: not processed yet, or expired: the service cannot tell which, and how long it keeps results
                is not published.
        """
        return drive(self._single.bots.result(request_id, domain=domain, options=options))

    def wait(
        self,
        pending: PendingVerdict,
        *,
        deadline: float = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> Verdict:
        """Poll for a verdict until it is there: at once, after half a second, and then at growing intervals.

        Args:
            pending: what `check` returned.
            deadline: seconds to wait in all.
            domain: the sending domain; the one of the check if left out.
            options: what each request does differently; its own `deadline` is not used.

        Raises:
            ConfigError: `pending` is no PendingVerdict: `check` may return the verdict at once.
            VerdictPendingError: the deadline passed: the verdict is not there yet, or has expired.
            RateLimitError: the server asked for a longer wait than is left. `ServerError` and other errors that are
                retried end the wait, too, if no time is left for another attempt.
        """
        return drive(self._single.bots.wait(pending, deadline=deadline, domain=domain, options=options))


class Domains(Resource["AsyncAutomations"]):
    """Sending domains."""

    def list(self, *, options: CallOptions | None = None) -> Pages[Domain]:
        """Return the domains that the token may see: all domains of the account, or a domain token's own.

        This API returns the whole list at once: there is only one page.

        Args:
            options: options of this call.
        """
        return Pages(self._single.domains.list(options=options))

    def get(self, name: str, *, dns: bool = False, options: CallOptions | None = None) -> DomainDetail:
        """Return one domain in detail.

        Args:
            name: the domain's name.
            dns: whether to return its DNS records, too.
            options: options of this call.

        Raises:
            ConfigError: the name cannot be a domain; nothing was sent.
            NotFoundError: the token sees no such domain.
        """
        return drive(self._single.domains.get(name, dns=dns, options=options))


class Honeypots(Resource["AsyncAutomations"]):
    """Honeypot links of messages. Both methods are pure functions: no request is made.

    Never request a honeypot URL yourself, not even to test it: the service would record the hit for your own IP address
    and User-Agent, and take them for a bot's. For the same reason, do not redirect your own honeypot link to this one.

    The service remembers a hit for **30 minutes**. Submit a message's events within that time, with the `message_id`
    that its link was made with; that may be any text that is unique to the message.
    """

    def url(self, message_id: str, *, domain: str | None = None) -> str:
        """Return the URL of a message's honeypot.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            domain: the sending domain for which bot detection is enabled; the client's own if left out.

        Raises:
            ConfigError: the domain is missing or invalid, or the message_id is empty.
        """
        return self._single.honeypots.url(message_id, domain=domain)

    def html(self, message_id: str, *, content: str | SupportsHtml | None = None, domain: str | None = None) -> str:
        """Return the honeypot as a link that no reader sees, for the end of a message's HTML.

        Without content, or around text, the link itself is hidden. Around a tracking pixel it is not: mail programs do
        not load a hidden image. In both forms, the link is hidden from screen readers and the Tab key, so that their
        users are not taken for bots.

        Args:
            message_id: your key of the message, as in `BotEvent.message_id`.
            content: what the link contains: nothing; your tracking pixel, as ready HTML; or text, which is escaped.
                Text counts as ready HTML if it is nothing but `<img …>`; for other HTML, pass an object with
                `__html__()`, such as `markupsafe.Markup`.
            domain: the sending domain for which bot detection is enabled; the client's own if left out.

        Raises:
            ConfigError: the domain is missing or invalid, or the message_id is empty.
        """
        return self._single.honeypots.html(message_id, content=content, domain=domain)


class Messages(Resource["AsyncAutomations"]):
    """Sending. A message whose response is lost is never retried by the SDK: that could be a second e-mail."""

    def send(self, message: MessageLike, *, domain: str | None = None, options: CallOptions | None = None) -> Queued:
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
        return drive(self._single.messages.send(message, domain=domain, options=options))

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


class Suppressions(Resource["AsyncAutomations"]):
    """Suppressions of a domain."""

    def add(
        self,
        address: str,
        *,
        type: SuppressionType | None = None,
        error: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionAdded:
        """Suppress an address.

        Args:
            address: the recipient.
            type: the list to add it to; the service's default if left out, which is not documented. The API's page
                names `complaint`; the service's guide names `bounce`, `unsubscribe`, `complaint` and `block`. Any text
                is sent.
            error: the reason, in your own words.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            ConfigError: the address or the domain is missing, or the type is empty; nothing was sent.
        """
        return drive(
            self._single.suppressions.add(
                address,
                type=type,
                error=error,
                domain=domain,
                options=options,
            )
        )

    def add_many(
        self,
        records: Iterable[SuppressionFields],
        *,
        concurrency: int = 8,
        max_outage: float | None = 60.0,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Suppress many addresses, and report the outcome of each.

        The API takes one address a call, so there are as many calls as records. A failed call does not affect the
        others. After a response that every call would get (401, 402, 403, 404) no further call is made, and the
        remaining records are undelivered.

        Args:
            records: mappings with `address` and optionally `type` and `error`, as in `add`.
            concurrency: calls in flight; fewer while the server asks to slow down.
            max_outage: seconds for which the run waits for a service that accepts nothing, before it stops; None for
                no limit.
            domain: the sending domain; the client's own if left out.
            options: options of each call.

        Returns:
            The report. Check it, or call `raise_for_failures()`.

        Raises:
            ConfigError: the domain is missing, or `records` is a single one; nothing was sent. A record
                that is not valid is a rejection in the report, and the others go out.
        """
        bridge: LoopBridge[SuppressionReport] = LoopBridge()
        given_records = whole(records)
        return bridge.run(
            lambda: self._async.suppressions.add_many(
                given_records,
                concurrency=concurrency,
                max_outage=max_outage,
                domain=domain,
                options=options,
            )
        )


class Webhooks(Resource["AsyncAutomations"]):
    """Webhooks of a domain, one for each kind of event. `WebhookType` has the kinds that the API pages mention.

    `opened` and `clicked` are sent only if the domain tracks opens and clicks.
    """

    def create(
        self,
        type: WebhookName,
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
        return drive(self._single.webhooks.create(type, urls, domain=domain, options=options))

    def delete(
        self, type: WebhookName, *, domain: str | None = None, options: CallOptions | None = None
    ) -> WebhookResult:
        """Stop posting a kind of event.

        Args:
            type: the kind of event.
            domain: the sending domain; the client's own if left out.
            options: options of this call.

        Raises:
            PaymentRequiredError: there is no such webhook; after a retry, this call itself may have deleted it.
        """
        return drive(self._single.webhooks.delete(type, domain=domain, options=options))

    def sample(
        self, type: WebhookName, *, domain: str | None = None, options: CallOptions | None = None
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
        return drive(self._single.webhooks.sample(type, domain=domain, options=options))
