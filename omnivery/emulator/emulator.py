"""The emulator's public class: settings, start and stop, URLs and faults."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from omnivery._startable import Startable
from omnivery.emulator.account import Account
from omnivery.emulator.activity import ActivityFeed, Watcher
from omnivery.emulator.app import route_names
from omnivery.emulator.auth import new_key
from omnivery.emulator.detector import Detector
from omnivery.emulator.fault import Fault
from omnivery.emulator.fault_spec import FaultSpec
from omnivery.emulator.faults import Faults
from omnivery.emulator.latency import Latency
from omnivery.emulator.receiver import PATH, ReceivedCalls
from omnivery.emulator.recorded import Recorded
from omnivery.emulator.records.account_file import AccountFile
from omnivery.emulator.signer import Signer
from omnivery.emulator.smtp_statistics import SmtpStatistics
from omnivery.emulator.state import Parts, Settings, State
from omnivery.emulator.store import Store
from omnivery.emulator.thread import EmulatorThread
from omnivery.emulator.webhook_adapter import WebhookAdapter
from omnivery.emulator.webhook_sender import WebhookSender
from omnivery.errors import ConfigError
from omnivery.transport.config import checked, flag, one_or_several, required_text

if TYPE_CHECKING:
    from omnivery.emulator.smtp_relay import SmtpRelay


class Emulator(Recorded, Startable):
    """Both APIs on one loopback port, for tests, demonstrations and development without an account.

    `with Emulator() as emu:` and `async with Emulator() as emu:` start and stop it, as do `start()` and `stop()`. Its
    records can be read after it stopped, too.

    Its verdicts are plausible, not the product's. Fixed test inputs: an event from 192.0.2.0/24 is always a bot's, one
    from 198.51.100.0/24 always a human's, and one from 203.0.113.0/24 never gets a verdict. Mail to `hardbounce@…`,
    `softbounce@…`, `complain@…`, `unsubscribe@…`, `open@…` and `click@…`, at any domain, has the outcome that the name
    says; all other mail is delivered. New domains can be verified, except `pending.…` and `rejected.…`.

    Args:
        token: the `ov-token` that callers of the Automations API must send; random when left out.
        api_key: the account's primary key for the Mailgun-compatible API; random when left out.
        sending_key: a sending key for that API, valid for `domain` only; random when left out.
        signing_key: signs the webhooks; random when left out.
        domain: the sending domain that exists from the start.
        host: host name or IP address to listen on. The control API under `/_/` requires no token: keep this a loopback
            address.
        port: port to listen on; 0 takes a free one.
        bot_domains: domains for which bot detection is enabled; only `domain` when left out.
        single: the response to a single check: `now` for its verdict, `later` for a request id.
        result_delay: seconds until the result of such a check is available; the real service takes one or more.
        faults: faults by chance, such as `429=5%,500=1%,cut=0.5%,delay=50ms±20ms,dup=1%,late=2s,limit=10/s`; see
            `FaultSpec`.
        seed: derives all keys that are left out, and the faults: the same seed gives the same keys and faults.
        webhook_retry_delays: seconds before each further attempt to deliver a webhook. The default is short, for tests.
            Mailgun's own are 10, 10, 15 and 30 minutes, then 1, 2 and 4 hours (source/user_manual.rst); Omnivery's are
            not known.
        paging: style of the lists' pages, by offset or by cursor, for requests that do not choose one.
        dialect: whose document to follow where two disagree. `omnivery`: a bounce may be a JSON object, and a
            whitelist's address may be in the query. `mailgun`: both must be forms; a JSON object is refused with 400,
            and the query is ignored. JSON arrays of records are accepted in both. Responses and delivery webhooks have
            the fields of the chosen document.
        strict: whether to refuse requests that lack a field which the dialect's document requires, although clients
            leave it out: a message's `subject`, and for `omnivery` a complaint's `error`, and the `address` of a
            whitelist in the query.
        latency: `real` lets a single check take its documented second or more, and webhooks plausible times; with
            `none`, all happens at once.
        smtp: `HOST:PORT` of an SMTP server, such as Mailpit's, to pass every accepted message on to, except those in
            test mode.
        max_body: largest body of a request in bytes; a larger one gets 413. The default is Mailgun's own limit.
        max_events_kept: number of events to keep, and of each other kind of record; the oldest are deleted first.
        max_messages_kept: number of messages to keep, with their files, up to 512 MiB; the oldest are deleted first.
        db: a file for records, domains, suppressions and random keys, created if missing; all is in memory when left
            out. One emulator uses it at a time.
        allow_hosts: names by which a browser may call the page, and anyone the control API, beside `host`, `localhost`
            and IP addresses: such as a container's. `*` for any name, which lets web pages in by DNS rebinding.

    Raises:
        ConfigError: an option is of another kind, or the file cannot be used, or another emulator uses it.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        api_key: str | None = None,
        sending_key: str | None = None,
        signing_key: str | None = None,
        domain: str = "mail.example.com",
        host: str = "127.0.0.1",
        port: int = 0,
        bot_domains: Collection[str] | None = None,
        single: Literal["now", "later"] = "now",
        result_delay: float = 0.05,
        faults: FaultSpec | str | None = None,
        seed: int | None = None,
        webhook_retry_delays: Sequence[float] = (0.1, 0.2, 0.5, 1, 2),
        paging: Literal["offset", "cursor"] = "offset",
        dialect: Literal["omnivery", "mailgun"] = "omnivery",
        strict: bool = False,
        latency: Literal["none", "real"] = "none",
        smtp: str | None = None,
        max_body: int = 54_945_382,
        max_events_kept: int = 100_000,
        max_messages_kept: int = 1_000,
        db: str | os.PathLike[str] | None = None,
        allow_hosts: Collection[str] = (),
    ) -> None:
        required_text(domain, argument="domain")
        enabled = {domain} if bot_domains is None else one_or_several(bot_domains, argument="bot_domains")
        delays = checked(webhook_retry_delays, Iterable, argument="webhook_retry_delays", expected="a list of seconds")
        spec = checked(faults, FaultSpec | str | None, argument="faults", expected="a text or a FaultSpec")
        store = Store(kept=max_events_kept, messages_kept=max_messages_kept, db=db)
        account = Account(domain)
        account_file = AccountFile(store.database, account)
        settings = Settings(
            domain=domain,
            token=token or _new_key("token", seed, account_file),
            api_key=api_key or _new_key("api_key", seed, account_file),
            sending_key=sending_key or _new_key("sending_key", seed, account_file),
            signing_key=signing_key or _new_key("signing_key", seed, account_file),
            bot_domains=frozenset(name.lower() for name in enabled),
            single=single,
            result_delay=result_delay,
            webhook_retry_delays=tuple(delays),
            max_body=max_body,
            max_events_kept=max_events_kept,
            max_messages_kept=max_messages_kept,
            paging=paging,
            dialect=dialect,
            strict=flag(strict, argument="strict"),
            hosts=frozenset({host, *one_or_several(allow_hosts, argument="allow_hosts")}),
        )
        feed = ActivityFeed()
        self._parts = Parts(
            settings=settings,
            account=account,
            account_file=account_file,
            store=store,
            faults=Faults(route_names(), spec=spec, seed=seed),
            detector=Detector(),
            received=ReceivedCalls(
                settings.signing_key, verdicts=store.verdicts, delivery_events=store.delivery_events
            ),
            feed=feed,
            latency=Latency(latency, seed=seed),
            relay=_new_relay(smtp, feed) if smtp else None,
        )
        self._host, self._port = host, port
        self._running: EmulatorThread | None = None

    def start(self) -> None:
        """Start the server, and return when it accepts connections.

        Raises:
            ConfigError: it is running already, or cannot listen on that host and port.
        """
        if self._running:
            raise ConfigError("this emulator is running already")
        self._parts.store.database.acquire()
        running = EmulatorThread(self._host, self._port, self._new_state())
        running.start()
        self._running = running
        if self._parts.relay:
            self._parts.relay.start()

    def stop(self) -> None:
        """Stop the server. Idempotent.

        Requests in progress get a second to finish, and messages on their way to an SMTP server two. Webhooks in
        progress are given up, and recorded.
        """
        running, self._running = self._running, None
        if running:
            running.stop()
            self._parts.account_file.save()
            self._parts.store.release()
            if self._parts.relay:
                self._parts.relay.stop()

    def fail_next(
        self,
        where: str,
        *,
        status: int | None = None,
        retry_after: float | str | None = None,
        delay: float | None = None,
        after: Literal["received", "accepted"] | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Let the next requests fail. Repeated calls add up, in their order, and come before `faults`. Thread-safe.

        Args:
            where: name of the route, such as `bot` (batches and single checks), `bot.result`, `messages`,
                `bounces.list`, `automations.domains.get`; or `*` for any API route. The error for an unknown name
                lists them all.
            status: status of the response, from 200 to 599, to a request that is not carried out; 500 unless `after` is
                given.
            retry_after: value of the `Retry-After` header, verbatim: seconds, a date, or something invalid.
            delay: seconds to wait first. Without other options, the request is then handled normally.
            after: closes the connection without a response: `received` before the request is carried out, `accepted`
                afterwards. With a `status`, that status is sent instead.
            body: body of the response; sent as HTML if it begins with `<`. An error in JSON when left out.
            headers: further headers, such as a redirect's `location`.
            times: number of requests that fail.

        Raises:
            ConfigError: no route has that name, or `times` is not a whole number, or below 1.
            ValueError: `status` or `after` is not one of the values above, `delay` is negative, a header has no valid
                name or value, or the server cannot send it: a length of its own, or a body with 204, 205 or 304.
            TypeError: an option has another type.
        """
        fault = Fault(status=status, retry_after=retry_after, delay=delay, after=after, body=body, headers=headers)
        self._parts.faults.add(where, fault, times=times)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call a function with each `Activity` as it happens: requests, attempts of webhooks, messages passed on.

        It is called in the server's threads, and must return at once.

        Returns:
            A function that ends it.
        """
        return self._parts.feed.watch(watcher)

    def wait_idle(self, timeout: float = 5.0) -> None:
        """Block until every webhook is delivered or given up, and every message is passed on.

        On an event loop that receives the webhooks itself, call it as `await to_thread.run_sync(emu.wait_idle)`.

        Args:
            timeout: maximum number of seconds to wait.

        Raises:
            TimeoutError: some are still in progress.
        """
        end = time.monotonic() + timeout
        if self._running and not self._running.state.webhook_sender.wait_idle(timeout):
            raise TimeoutError(f"webhooks are still in progress after {timeout} seconds")
        if self._parts.relay and not self._parts.relay.wait_idle(end - time.monotonic()):
            raise TimeoutError(f"messages still wait for the SMTP server after {timeout} seconds")

    def reset(self) -> None:
        """Delete all records and everything that was created, webhooks in progress, and the faults of `fail_next`.

        Those of `faults` remain, and start anew.
        """
        if self._running:
            self._running.state.webhook_sender.drop_from_thread()
        self._parts.reset()
        self._parts.account_file.save()

    @property
    def automations_url(self) -> str:
        """Base URL of the Automations API.

        Raises:
            ConfigError: the emulator is not running.
        """
        if not self._running:
            raise ConfigError("the emulator is not running: open it with `with` or call start() first")
        return self._running.url

    @property
    def mailgun_url(self) -> str:
        """Base URL of the Mailgun-compatible API; raises as `automations_url` does."""
        return f"{self.automations_url}/v3"

    @property
    def webhook_url(self) -> str:
        """URL of the emulator's own receiver, for events and messages whose webhooks need no other; raises likewise.

        What it receives is in `verdicts` and `delivery_events`.
        """
        return f"{self.automations_url}{PATH}"

    @property
    def page_url(self) -> str:
        """URL of the emulator's web page; raises as `automations_url` does."""
        return f"{self.automations_url}/"

    @property
    def token(self) -> str:
        """The `ov-token` that clients send."""
        return self._parts.settings.token

    @property
    def api_key(self) -> str:
        """The account's primary key for the Mailgun-compatible API."""
        return self._parts.settings.api_key

    @property
    def sending_key(self) -> str:
        """The sending key of `domain`."""
        return self._parts.settings.sending_key

    @property
    def signing_key(self) -> str:
        """The key that webhooks are signed with."""
        return self._parts.settings.signing_key

    @property
    def domain(self) -> str:
        """The sending domain that exists from the start."""
        return self._parts.settings.domain

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which clients, receivers and commands use this emulator; raises likewise.

        For tests, `mock.patch.dict(os.environ, emulator.environment)`.
        """
        return {
            "OMNIVERY_AUTOMATIONS_URL": self.automations_url,
            "OMNIVERY_MAILGUN_URL": self.mailgun_url,
            "OMNIVERY_TOKEN": self.token,
            "OMNIVERY_API_KEY": self.api_key,
            "OMNIVERY_SENDING_KEY": self.sending_key,
            "OMNIVERY_DOMAIN": self.domain,
            "OMNIVERY_SIGNING_KEY": self.signing_key,
            "OMNIVERY_WEBHOOK_URL": self.webhook_url,
        }

    @property
    def faults(self) -> FaultSpec:
        """Faults by chance; may be set at any time, to a specification or its text, or None for none.

        Raises:
            ConfigError: the text is not a specification, or names an unknown route.
        """
        return self._parts.faults.spec

    @faults.setter
    def faults(self, faults: FaultSpec | str | None) -> None:
        self._parts.faults.spec = faults
        self._parts.store.changes.tell("faults")

    @property
    def smtp_statistics(self) -> SmtpStatistics:
        """Counts of the messages that were passed on to the SMTP server; all 0 without one."""
        return self._parts.relay.statistics if self._parts.relay else SmtpStatistics()

    def __repr__(self) -> str:
        where = repr(self.automations_url) if self._running else "not running"
        return f"Emulator({where}, domain={self.domain!r})"

    def _new_state(self) -> State:
        parts = self._parts
        webhook_sender = WebhookSender(
            WebhookAdapter(),
            signer=Signer(key=parts.settings.signing_key, like_mailgun=parts.settings.like_mailgun),
            retry_delays=parts.settings.webhook_retry_delays,
            store=parts.store,
            faults=parts.faults,
            feed=parts.feed,
        )
        return State.of(parts, webhook_sender)


def _new_key(name: str, seed: int | None, file: AccountFile) -> str:
    # A key that was given is not kept: it may be a real one.
    return file.key(name, lambda: new_key(name, seed)) if seed is None else new_key(name, seed)


def _new_relay(smtp: str, feed: ActivityFeed) -> SmtpRelay:
    # smtplib and the modules that write MIME are loaded for those who need them alone.
    from omnivery.emulator.smtp_connection import SmtpServer
    from omnivery.emulator.smtp_relay import SmtpRelay

    return SmtpRelay(SmtpServer.parse(smtp), feed=feed)
