"""Bot detection: is it a human who opened or clicked, or a machine?"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from omnivery import codec
from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS, EventWork
from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.automations.report import BatchReceipt, SubmitReport
from omnivery.automations.run import MAX_OUTAGE, AsyncBulkRun, event_run, journal_target, recorder_of, target_of
from omnivery.automations.writer.buffer import EventBuffer
from omnivery.automations.writer.options import Overflow, WriterOptions
from omnivery.automations.writer.source import BufferSource
from omnivery.automations.writer.writer import AsyncEventWriter
from omnivery.bulk.batch import Batch
from omnivery.bulk.recorder import JOURNAL_LIMIT
from omnivery.bulk.source import Resumable
from omnivery.bulk.source_reader import SourceReader
from omnivery.bulk.watched import finish_watched
from omnivery.errors import ConfigError, DeadlineError, DecodeError, NotFoundError, VerdictPendingError
from omnivery.events.encoding import wire_form
from omnivery.events.event import BotEvent, EventLike
from omnivery.events.ip_address import plain_address
from omnivery.events.snapshot import snapshot
from omnivery.events.validation import single_fault_of
from omnivery.events.verdict import PendingVerdict, Verdict
from omnivery.readers.frames import as_events
from omnivery.transport import body as encoding
from omnivery.transport.client import call_options
from omnivery.transport.config import (
    CallOptions,
    callback,
    checked,
    flag,
    required,
    valid_url,
)
from omnivery.transport.operation import (
    IDEMPOTENT,
    SAFE,
    ResponseParser,
    is_html,
    json_body,
)
from omnivery.transport.resource import AsyncResource
from omnivery.transport.runtime import run_in_thread

if TYPE_CHECKING:
    from omnivery.automations.round_trip import RoundTripReport
    from omnivery.readers.frames import ArrowStream
    from omnivery.transport.http import ApiResponse, Response
    from omnivery.webhooks.receiver import Receiver
    from omnivery.webhooks.store import VerdictStore

ADVICE = "A single event goes in a list; a file is read with omnivery.readers"
POLL_FIRST = 0.5
POLL_LONGEST = 5.0
WRITER_ROUNDS = 5
"""How often a writer's batch fails with all its attempts, while others are accepted, before it is undelivered."""


def _read_receipt(response: Response) -> dict[str, Any]:
    """Neither status nor body of a batch's success are documented: nothing, JSON and plain text all pass."""
    if is_html(response):
        raise DecodeError(f"the response ({response.status}) is a web page: a proxy or a wrong base URL sent it")
    try:
        body = json_body(response) if response.content.strip() else {}
    except DecodeError:
        body = response.text
    return body if isinstance(body, dict) else {"body": body}


def _read_check(response: Response) -> Verdict | PendingVerdict:
    body = json_body(response)
    if response.status == HTTPStatus.ACCEPTED or (
        isinstance(body, dict) and "request_id" in body and "is_bot" not in body
    ):
        return codec.structure(body, PendingVerdict)
    return codec.structure(body, Verdict)


# https://docs.omnivery.com/api-ref/automations-api (Bot detection, batch)
# verdicts are keyed by event_id: a repeated batch yields the same ones again
SUBMIT_BATCH = operation(
    "bots.submit_batch",
    "POST",
    "/{domain}/bot",
    returns=ResponseParser(name="mapping of whatever the response holds", read=_read_receipt),
    safety=IDEMPOTENT,
)
# https://docs.omnivery.com/api-ref/automations-api (Bot detection, single)
CHECK = operation(
    "bots.check",
    "POST",
    "/{domain}/bot",
    returns=ResponseParser(name="Verdict | PendingVerdict", read=_read_check),
    safety=IDEMPOTENT,
)
# https://docs.omnivery.com/api-ref/automations-api (Bot detection, result)
RESULT = operation("bots.result", "GET", "/{domain}/bot/{request_id}", returns=Verdict, safety=SAFE)


class AsyncBots(AsyncResource[AutomationsConfig]):
    """Bot detection. In bulk, verdicts come to your webhook; a single interaction can be checked at once."""

    async def submit(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike] | ArrowStream,
        *,
        webhook_url: str | None = None,
        concurrency: int = 8,
        on_progress: Callable[[SubmitReport], None] | None = None,
        progress: bool = False,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        max_bytes: int = MAX_BYTES,
        journal: str | PathLike[str] | None = None,
        journal_limit: int = JOURNAL_LIMIT,
        journal_keep: float | None = None,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SubmitReport:
        """Submit any number of events in concurrent batches, and account for every one of them.

        The source may be endless: at most twice `concurrency` batches of 500 events are in memory at any moment.

        Async only: a synchronous source is read on the event loop, between requests; pass an asynchronous one if
        reading can block.

        Sync only: an iterator runs in the calling thread, as does `on_progress`.

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
        callback(on_progress, argument="on_progress")
        flag(progress, argument="progress")
        run = self.stream(
            events,
            webhook_url=webhook_url,
            concurrency=concurrency,
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
        return await finish_watched(run, "Submitting", events, progress=progress, on_progress=on_progress)

    async def submit_and_wait(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike] | ArrowStream,
        verdicts: Receiver | VerdictStore,
        *,
        timeout: float,  # noqa: ASYNC109  # of the wait alone; the submission takes its time
        webhook_url: str | None = None,
        concurrency: int = 8,
        on_progress: Callable[[RoundTripReport], None] | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> RoundTripReport:
        """Submit events as `submit` does, and wait for their verdicts.

            report = await client.bots.submit_and_wait(events, store, timeout=600)

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
        # It loads SQLite, which those who only submit do not need.
        from omnivery.automations.round_trip import submit_and_wait

        settings: Any = {"webhook_url": webhook_url, "domain": domain, "options": options}
        start = partial(self.stream, events, concurrency=concurrency, **settings)
        return await submit_and_wait(start, verdicts, timeout=timeout, on_progress=on_progress)

    async def retry(
        self,
        journal: str | PathLike[str],
        *,
        concurrency: int = 8,
        on_progress: Callable[[SubmitReport], None] | None = None,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        max_outage: float | None = MAX_OUTAGE,
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
        callback(on_progress, argument="on_progress")
        known = await run_in_thread(journal_target, journal)
        target = known.replace(base_url=self._client._config.base_url)
        run = event_run(
            self._client,
            SUBMIT_BATCH,
            SourceReader.of((), argument="events", advice=ADVICE),
            target,
            recorder=recorder_of(journal, target, limit=JOURNAL_LIMIT, again=True),
            concurrency=concurrency,
            events_per_second=events_per_second,
            requests_per_second=requests_per_second,
            options=options,
            max_outage=max_outage,
        )
        return await run.finish(on_progress)

    def stream(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike] | ArrowStream,
        *,
        webhook_url: str | None = None,
        concurrency: int = 8,
        ordered: bool = False,
        events_per_second: float | None = None,
        requests_per_second: float | None = None,
        max_bytes: int = MAX_BYTES,
        journal: str | PathLike[str] | None = None,
        journal_limit: int = JOURNAL_LIMIT,
        journal_keep: float | None = None,
        max_outage: float | None = MAX_OUTAGE,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> AsyncBulkRun:
        """Submit as `submit` does, and watch it batch by batch.

            async with client.bots.stream(events) as run:
                async for outcome in run:
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
        return self._run(
            events,
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

    def _run(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike] | ArrowStream,
        *,
        webhook_url: str | None,
        journal: str | PathLike[str] | None,
        domain: str | None,
        journal_limit: int = JOURNAL_LIMIT,
        journal_keep: float | None = None,
        **options: Any,
    ) -> AsyncBulkRun:
        target = target_of(
            webhook_url=self._webhook_url(webhook_url),
            domain=self._client._domain(domain),
            base_url=self._client._config.base_url,
        )
        return event_run(
            self._client,
            SUBMIT_BATCH,
            SourceReader.of(as_events(events), argument="events", advice=ADVICE, keep=snapshot, encoded=True),
            target,
            recorder=recorder_of(journal, target, limit=journal_limit, keep=journal_keep),
            **options,
        )

    def writer(
        self,
        *,
        linger: float = 1.0,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        max_buffered: int = 50_000,
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
    ) -> AsyncEventWriter:
        """Submit events one by one as they happen, in a service: the writer collects them into batches.

            async with client.bots.writer() as writer:
                await writer.put(event)

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
        chosen = WriterOptions(
            linger=linger,
            max_events=max_events,
            max_bytes=max_bytes,
            max_buffered=max_buffered,
            overflow=overflow,
            close_timeout=close_timeout,
            cancel_timeout=cancel_timeout,
        )
        runtime = self._client._pipeline.runtime
        source = BufferSource(buffer=EventBuffer(options=chosen, now=runtime.now), runtime=runtime)
        run = self._run(
            cast("AsyncIterable[EventLike]", source),
            webhook_url=webhook_url,
            concurrency=concurrency,
            events_per_second=events_per_second,
            requests_per_second=requests_per_second,
            max_bytes=max_bytes,
            max_outage=max_outage,
            rounds=WRITER_ROUNDS,
            domain=domain,
            options=options,
            journal=journal,
            journal_keep=journal_keep,
        )
        return AsyncEventWriter(options=chosen, source=source, run=run)

    async def submit_batch(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
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
        source = SourceReader.of(as_events(events), argument="events", advice=ADVICE, keep=snapshot)
        items: list[EventLike] = []
        await source.read_into(items, MAX_EVENTS + 1)
        if source.error is not None:
            raise source.error
        if len(items) > MAX_EVENTS:
            raise ConfigError(
                f"more than {MAX_EVENTS} events: that is what one request carries; submit() takes any number. "
                "Nothing was sent."
            )
        sending_domain, address = self._client._domain(domain), self._webhook_url(webhook_url)

        async def send(body: bytes) -> ApiResponse[Any]:
            return await self._client.call(
                SUBMIT_BATCH, domain=sending_domain, body=encoding.json(body), options=options
            )

        target = target_of(webhook_url=address, domain=sending_domain, base_url=self._client._config.base_url)
        batch = Batch(work=EventWork(send=send, target=target, max_bytes=sys.maxsize), number=0, items=items, start=0)
        body = batch.next_request()
        if body is None:
            return BatchReceipt(accepted=0, rejections=batch.close().rejected)
        response = await send(body)
        batch.accepted(response)
        outcome = batch.close()
        extra = dict(response.data)
        return BatchReceipt(
            accepted=len(outcome.accepted),
            rejections=outcome.rejected,
            status=response.status,
            request_id=extra.pop("request_id") if isinstance(extra.get("request_id"), str) else None,
            extra=extra,
        )

    async def check(
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
        fields = _form_fields(event)
        if webhook_url is not None:
            fields.append(("webhook_url", valid_url(webhook_url, argument="webhook_url")))
        found = await self._send(CHECK, domain=domain, body=encoding.multipart(fields), options=options)
        return evolve(found, domain=self._client._domain(domain)) if isinstance(found, PendingVerdict) else found

    async def result(
        self, request_id: str, *, domain: str | None = None, options: CallOptions | None = None
    ) -> Verdict:
        """Return the verdict of an earlier `check`.

        Args:
            request_id: from the `PendingVerdict`.
            domain: the sending domain that the check was made under; the client's own if left out.
            options: options of this call.

        Raises:
            NotFoundError: not processed yet, or expired: the service cannot tell which, and how long it keeps results
                is not published.
        """
        return await self._send(RESULT, domain=domain, path={"request_id": request_id}, options=options)

    async def wait(
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
        checked(pending, PendingVerdict, argument="pending", expected="the PendingVerdict that check() returned")
        checked(deadline, int | float, argument="deadline", expected="seconds")
        base = call_options(options)
        runtime = self._client._pipeline.runtime
        started = runtime.now()
        pause = POLL_FIRST
        while (left := started + deadline - runtime.now()) > 0:
            within = evolve(base, deadline=left)
            try:
                return await self.result(pending.request_id, domain=domain or pending.domain, options=within)
            except (NotFoundError, DeadlineError):
                await runtime.sleep(max(0.0, min(pause, started + deadline - runtime.now())))
                pause = min(pause * 1.5, POLL_LONGEST)
        raise VerdictPendingError(
            f"no verdict within {deadline:g} s: it is not there yet, or has expired; the service cannot tell which",
            request_id=pending.request_id,
            waited=runtime.now() - started,
        )

    def _webhook_url(self, webhook_url: str | None) -> str:
        address = required(
            webhook_url or self._client._config.webhook_url,
            argument="webhook_url",
            variable="OMNIVERY_WEBHOOK_URL",
            purpose="webhook URL for the verdicts",
        )
        return valid_url(address, argument="webhook_url")


def _form_fields(event: BotEvent | Mapping[str, Any]) -> list[tuple[str, str]]:
    checked(event, BotEvent | Mapping, argument="event", expected="a BotEvent or a mapping")
    if fault := single_fault_of(event):
        raise ConfigError(f"event: {fault}. Nothing was sent.")
    fields = event.to_fields() if isinstance(event, BotEvent) else dict(event)
    if fields.get("ip"):
        fields["ip"] = plain_address(fields["ip"])
    try:
        return [(name, _form_text(value)) for name, value in fields.items() if value is not None]
    except (TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, TypeError) else "text that is not Unicode, or it contains itself"
        raise ConfigError(f"event: it holds a value without a JSON form ({reason}). Nothing was sent.") from None


def _form_text(value: Any) -> str:
    written = codec.dumps(value, default=wire_form).decode()
    return value if isinstance(value, str) else written
