"""Sending many messages side by side, and the account of it: nothing lost, and nothing sent twice."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
from attrs import define, field, frozen

from omnivery.bulk.source import Source
from omnivery.display.progress import watching
from omnivery.display.table import Table, account_table, words_of
from omnivery.display.tabular import Tabular
from omnivery.errors import BulkError, ConfigError, DecodeError, OmniveryError, TransportError
from omnivery.mail.batches import batches
from omnivery.mail.form import Surface, encode, from_explained
from omnivery.mail.message import Message, MessageLike, Queued
from omnivery.transport.multipart import MultipartContent
from omnivery.transport.retry import Failure, classify, concerns_every_call

if TYPE_CHECKING:
    from omnivery.transport.body import Body
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.operation import Operation

MAX_UNSENT = 1000
"""Messages in a row that do not get through, after which a run stops: the source is not to be used up for nothing."""


class SendStatus(Enum):
    """What became of a message."""

    SENT = "sent"
    """The service took it."""
    REJECTED = "rejected"
    """The service or the SDK found fault with it: as it is, it will never be taken."""
    UNKNOWN = "unknown"
    """It went out and the answer was lost. It may have been sent: look before you send it again."""
    UNDELIVERED = "undelivered"
    """It was surely not sent, for no fault of its own: it can be sent again."""


@frozen(kw_only=True)
class SendOutcome:
    """What became of one message of a run, or of one call of a batch."""

    index: int
    """The message's place in the source, or the call's in the batch, from 0."""
    status: SendStatus
    """What became of it."""
    queued: Queued | None = None
    """The receipt, if it was sent."""
    error: OmniveryError | None = None
    """Why it was not, or why that is not known; None for a fault that is not the SDK's own, which ends the run."""
    message: Message | None = field(default=None, repr=False)
    """The message, unless it was sent; in a batch, with the recipients of this call."""


@frozen(kw_only=True, repr=False)
class SendReport(Tabular):
    """The account of a run: `sent + rejected + unknown + undelivered == read`, whatever happened on the way.

    As a data frame it is its outcomes, without the messages and their addresses.
    """

    outcomes: tuple[SendOutcome, ...]
    """What became of each message, in the order of the source."""
    elapsed: float = 0.0
    """Seconds that the run took."""
    stopped_by: BaseException | None = None
    """What ended the run before its source did: an error that would meet every message, the source's own, or a fault
    below the SDK."""

    @property
    def read(self) -> int:
        """Messages taken from the source, or calls that the batch was cut into."""
        return len(self.outcomes)

    @property
    def sent(self) -> int:
        """How many the service took."""
        return self._count(SendStatus.SENT)

    @property
    def rejected(self) -> int:
        """How many will never be taken as they are."""
        return self._count(SendStatus.REJECTED)

    @property
    def unknown(self) -> int:
        """How many may have been sent or not."""
        return self._count(SendStatus.UNKNOWN)

    @property
    def undelivered(self) -> int:
        """How many were surely not sent, and can be sent again."""
        return self._count(SendStatus.UNDELIVERED)

    def undelivered_messages(self) -> list[Message]:
        """The messages that were certainly not sent, in order, ready to be sent again."""
        return self._messages(SendStatus.UNDELIVERED)

    def unknown_messages(self) -> list[Message]:
        """The messages that may have been sent, in order. Look before you send one again."""
        return self._messages(SendStatus.UNKNOWN)

    def _messages(self, status: SendStatus) -> list[Message]:
        return [one.message for one in self.outcomes if one.status is status and one.message is not None]

    def raise_for_failures(self) -> None:
        """Raise unless every message was sent.

        Raises:
            BulkError: one was not, or may not have been, or the run ended before its source did.
        """
        if self.sent < self.read or self.stopped_by:
            raise BulkError(self._summary(), report=self) from self.stopped_by

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={getattr(self, name)}" for name in ("read", "sent", "rejected", "unknown"))
        return f"SendReport({counts}, undelivered={self.undelivered}, stopped_by={self.stopped_by!r})"

    def _table(self) -> Table:
        return Table(
            title="Messages",
            columns=("index", "status", "id", "error"),
            rows=[
                (one.index, one.status, one.queued and one.queued.id, words_of(one.error) if one.error else None)
                for one in self.outcomes
            ],
            kinds={"index": int},
        )

    def _overview(self) -> Table:
        counts = {"read": self.read} | {status.value: self._count(status) for status in SendStatus}
        missed = [one for one in self.outcomes if one.status is not SendStatus.SENT]
        problems = {
            status.value: [
                (f"index {one.index}", 1, words_of(one.error or "")) for one in missed if one.status is status
            ]
            for status in SendStatus
        }
        return account_table(
            "Sent messages", counts, problems, stopped_by=self.stopped_by, caption=f"{self.elapsed:.1f} s"
        )

    def _count(self, status: SendStatus) -> int:
        return sum(one.status is status for one in self.outcomes)

    def _summary(self) -> str:
        counts = (
            f"{self.sent} were sent, {self.rejected} rejected, {self.undelivered} undelivered, and {self.unknown} may"
        )
        first = next((one for one in self.outcomes if one.error), None)
        words = f"; the first failure, at index {first.index}: {first.error}" if first else ""
        stopped = f"; the run was stopped by {type(self.stopped_by).__name__}" if self.stopped_by else ""
        return f"of {self.read} messages {counts} have been sent or not{words}{stopped}"


@define(kw_only=True, eq=False)
class SendRun:
    """A run under way."""

    source: Source[Message]
    encode: Callable[[Message], Body]
    post: Callable[[Body], Awaitable[Queued]]
    tell: Callable[[int], None] = lambda _: None  # nobody wants to know
    """Told how many messages are settled."""
    _read: int = field(init=False, default=0)
    _unsent: int = field(init=False, default=0)
    _outcomes: dict[int, SendOutcome] = field(init=False, factory=dict[int, SendOutcome])
    _stopped_by: OmniveryError | None = field(init=False, default=None)
    _fault: Exception | None = field(init=False, default=None)

    async def finish(self, concurrency: int) -> SendReport:
        """Send everything, so many at a time.

        Raises:
            BulkError: the source raised, and what it gave before was sent; or sending raised what is no error of ours.
        """
        started = time.monotonic()
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(concurrency):
                    tasks.start_soon(self._work)
        except BaseExceptionGroup as group:
            # Ctrl-C and its like. One of them tells it all.
            group.exceptions[0].add_note(self._so_far())
            raise group.exceptions[0] from None
        except BaseException as interruption:
            # A cancelled call takes its report along: it shall say at least what was in it.
            interruption.add_note(self._so_far())
            raise
        failed = self._fault or self.source.error
        report = SendReport(
            outcomes=tuple(self._outcomes[index] for index in range(self._read)),
            elapsed=time.monotonic() - started,
            stopped_by=self._stopped_by or failed,
        )
        if failed is not None:
            what = "sending" if self._fault else "the source of messages"
            raise BulkError(
                f"{what} raised {type(failed).__name__} after {report.read} messages, {report.sent} of which were sent",
                report=report,
            ) from failed
        return report

    def _so_far(self) -> str:
        sent = sum(one.status is SendStatus.SENT for one in self._outcomes.values())
        open_ = self._read - len(self._outcomes)
        return (
            f"omnivery: the run was interrupted: of {self._read} messages read {sent} were sent; {open_} were under "
            "way, and may have been sent or not"
        )

    async def _work(self) -> None:
        while items := await self._next():
            index, self._read = self._read, self._read + 1
            self._settle(await self._send(index, items[0]))
            # Messages that are refused unsent await nothing: other tasks must have their turn all the same.
            await anyio.lowlevel.checkpoint()

    async def _next(self) -> list[Message]:
        """The next message; nothing at the end of the source, or when the run was stopped."""
        items: list[Message] = []
        await self.source.read_into(items, 1)
        return items

    async def _send(self, index: int, message: Message) -> SendOutcome:
        if self._stopped_by is not None or self._fault is not None:
            return SendOutcome(index=index, status=SendStatus.UNDELIVERED, error=self._stopped_by, message=message)
        try:
            body = self.encode(message)
        except ConfigError as error:
            return SendOutcome(index=index, status=SendStatus.REJECTED, error=error, message=message)
        try:
            queued = await self.post(body)
        except OmniveryError as error:
            # A file that changed after it was measured is the matter of its own message.
            status = SendStatus.REJECTED if _is_of_a_file(error, body) else status_of(error)
            return SendOutcome(index=index, status=status, error=error, message=message)
        except Exception as error:  # noqa: BLE001  # whatever it is, the account of the others must not be lost with it
            self._fault = self._fault or error
            self.source.stop()
            return SendOutcome(index=index, status=SendStatus.UNKNOWN, message=message)
        return SendOutcome(index=index, status=SendStatus.SENT, queued=queued)

    def _settle(self, outcome: SendOutcome) -> None:
        self._outcomes[outcome.index] = outcome
        self.tell(len(self._outcomes))
        if outcome.status not in {SendStatus.UNDELIVERED, SendStatus.UNKNOWN}:
            self._unsent = 0
            return
        self._unsent += 1
        if outcome.error is not None and (_meets_every_message(outcome.error) or self._unsent >= MAX_UNSENT):
            self._stopped_by = self._stopped_by or outcome.error
            self.source.stop()


def _is_of_a_file(error: OmniveryError, body: Body) -> bool:
    return isinstance(body.content, MultipartContent) and error is body.content.fault


def _meets_every_message(error: OmniveryError) -> bool:
    # An error of the set-up comes from the call itself: the client is closed, or belongs to another event loop.
    return isinstance(error, ConfigError) or concerns_every_call(error)


def status_of(error: OmniveryError) -> SendStatus:
    """What an error of a call says about the message."""
    # 1. The request went out, and no answer or none that can be read came back.
    if isinstance(error, DecodeError) or (isinstance(error, TransportError) and error.may_have_happened):
        return SendStatus.UNKNOWN
    # 2. Nothing went out, or what came back speaks of the moment, the key or the domain, and not of the message.
    if isinstance(error, TransportError | ConfigError) or concerns_every_call(error):
        return SendStatus.UNDELIVERED
    failure = classify(error)
    if failure is Failure.AMBIGUOUS:
        return SendStatus.UNKNOWN
    return SendStatus.REJECTED if failure is Failure.FINAL else SendStatus.UNDELIVERED


async def send_many(
    client: AsyncBaseClient[Any],
    operation: Operation[Queued],
    surface: Surface,
    messages: Iterable[Message] | AsyncIterable[Message],
    *,
    concurrency: int,
    domain: str | None,
    options: CallOptions | None,
    progress: bool = False,
) -> SendReport:
    """Send messages with one surface's operation; the surfaces' `messages.send_many` document it."""
    bulk, chosen, _ = client._for_bulk(concurrency, options)
    sending_domain = client._domain(domain)
    client._config.credential(operation)
    source = Source.of(messages, argument="messages", advice="A single message goes to send(), or in a list")

    def to_body(message: Message) -> Body:
        return encode(message, surface)

    async def post(body: Body) -> Queued:
        with from_explained():
            return (await bulk.call(operation, domain=sending_domain, body=body, options=chosen)).data

    with watching("Sending", messages, progress=progress) as advance:
        return await SendRun(source=source, encode=to_body, post=post, tell=advance).finish(concurrency)


async def send_batch(
    client: AsyncBaseClient[Any],
    operation: Operation[Queued],
    surface: Surface,
    message: MessageLike,
    recipients: Mapping[str, Mapping[str, Any]],
    *,
    individually: bool,
    concurrency: int,
    domain: str | None,
    options: CallOptions | None,
) -> SendReport:
    """Send one message to many recipients; the surfaces' `messages.send_batch` document it."""
    calls = batches(message, recipients, individually=individually)
    first = next(calls, None)
    if first is None:
        raise ConfigError("recipients: there are none. Nothing was sent.")
    # A fault in the first call's message is in the message of every call.
    encode(first, surface)
    calls = chain([first], calls)
    return await send_many(client, operation, surface, calls, concurrency=concurrency, domain=domain, options=options)
