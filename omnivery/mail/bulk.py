"""Messages as bulk work: one message a request, and no message is sent twice."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from omnivery.bulk.outage import OutagePolicy
from omnivery.bulk.pool import Pool
from omnivery.bulk.recorder import JOURNAL_LIMIT, Recorder
from omnivery.bulk.report import Rejection
from omnivery.bulk.source_reader import SourceReader
from omnivery.bulk.target import RunTarget
from omnivery.bulk.watched import finish_watched
from omnivery.bulk.work import Screening, Work
from omnivery.errors import ConfigError, OmniveryError
from omnivery.mail.batches import batches
from omnivery.mail.form import Surface, encode, from_explained
from omnivery.mail.message import Message, MessageLike, Queued
from omnivery.mail.sending import SendOutcome, SendReport, SendStatus
from omnivery.sync.run import SyncPool
from omnivery.transport.bulk_calls import BulkCalls
from omnivery.transport.config import callback, flag
from omnivery.transport.multipart import MultipartContent

if TYPE_CHECKING:
    from omnivery.bulk.part import StoredPart
    from omnivery.bulk.report import RunState, RunTotals, SettledBatch
    from omnivery.transport.body import Body
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import ApiResponse
    from omnivery.transport.operation import Operation

MAX_OUTAGE = 60.0
"""Seconds for which a run waits for a service that accepts nothing, before it stops."""
ADVICE = "A single message goes to send(), or in a list"


@define(kw_only=True, eq=False)
class MessageWork(Work[Message, SendOutcome, SendReport]):
    """Messages, one to a request. A message that may have been sent is never sent again automatically."""

    noun: ClassVar[str] = "messages"
    idempotent: ClassVar[bool] = False
    unencodable: ClassVar[tuple[type[Exception], ...]] = (ConfigError,)

    surface: Surface
    send: Callable[[Body], Awaitable[ApiResponse[Queued]]]
    target: RunTarget
    size: int = 1
    max_bytes: int = sys.maxsize
    _outcomes: list[SendOutcome] = field(init=False, factory=list[SendOutcome])

    def screen(self, items: Sequence[Message], *, named: bool) -> Screening:  # noqa: ARG002  # ids come with the receipt
        """Find no fault: a message is checked while it is encoded."""
        return Screening()

    def encode(self, items: Sequence[Message]) -> Body:
        """Return the form of a message."""
        return encode(items[0], self.surface)

    def fault(self, item: Message, error: Exception) -> str:  # noqa: ARG002  # the error names the field
        """Return why a message cannot be encoded."""
        return str(error)

    def digest(self, body: Body) -> bytes:
        """Return a digest of a message's form, files included, by which messages are told apart."""
        return blake2b(b"".join(_digests(body)), digest_size=16).digest()

    async def post(self, body: Body) -> ApiResponse[Queued]:
        """Send one message."""
        with from_explained():
            return await self.send(body)

    def refuses(self, error: OmniveryError, body: Body) -> bool:
        """Whether the message is at fault: the service said so, or a file changed after it was measured."""
        of_a_file = isinstance(body.content, MultipartContent) and error is body.content.fault
        return of_a_file or super().refuses(error, body)

    def ids_of(self, response: ApiResponse[Queued]) -> list[str | None]:
        """Return the id that the service gave to the message."""
        return [response.data.id]

    def rejection(self, item: Message, index: int, reason: str) -> Rejection:  # noqa: ARG002  # it names nobody
        """Return the record of a rejected message."""
        return Rejection(index=index, reason=reason)

    def stored(self, item: Message) -> None:
        """Keep nothing of a message."""

    def items_of(self, part: StoredPart) -> Sequence[Message]:
        """Refuse: a message is sent again from its source alone."""
        raise ValueError(f"row {part.row} is not a message's")

    def outcome(
        self,
        settled: SettledBatch[Message],
        responses: Sequence[ApiResponse[Queued]],
        refusals: Sequence[OmniveryError],
    ) -> SendOutcome:
        """Return the outcome of the message."""
        status, left = _status_of(settled)
        one = SendOutcome(
            index=settled.start,
            status=status,
            queued=responses[0].data if responses else None,
            error=next(iter((*refusals, *settled.errors)), None),
            message=left,
        )
        self._outcomes.append(one)
        return one

    def number_of(self, outcome: SendOutcome) -> int:
        """Return the message's place in the source."""
        return outcome.index

    def report(self, totals: RunTotals[Message], state: RunState) -> SendReport:
        """Return the report of a run of messages."""
        return SendReport.of(totals, state, self._outcomes)


def _status_of(settled: SettledBatch[Message]) -> tuple[SendStatus, Message | None]:
    if settled.accepted:
        return SendStatus.SENT, None
    if settled.unknown:
        return SendStatus.UNKNOWN, settled.unknown[0]
    if settled.undelivered:
        return SendStatus.UNDELIVERED, settled.undelivered[0]
    return SendStatus.REJECTED, settled.refused[0]


def _digests(body: Body) -> Iterable[bytes]:
    content, boundary = body.content, body.content_type.partition("boundary=")[2].encode()
    for block in (content,) if isinstance(content, bytes) else content.blocks():
        # A form's boundary is drawn at random, and stands in blocks of its own.
        yield blake2b(block.replace(boundary, b"") if boundary else block).digest()


class AsyncSendRun(Pool[Message, SendOutcome, SendReport]):
    """A run of messages. Enter it with `async with`, and iterate it for the outcome of each message.

    Leaving the block early ends the run: a message that was read and not sent by then is undelivered, a message whose
    request was in flight is unknown. `report` has the totals at any moment, and after the end.
    """


class SendRun(SyncPool[Message, SendOutcome, SendReport]):
    """A run of messages. Enter it with `with`, and iterate it for the outcome of each message.

    The source is read in the thread that iterates, and only while it iterates or leaves the block. Leaving the block
    early ends the run: a message that was read and not sent by then is undelivered, a message whose request was in
    flight is unknown. `report` has the totals at any moment, and after the end.
    """


def message_run(
    client: AsyncBaseClient[Any],
    operation: Operation[Queued],
    surface: Surface,
    messages: Iterable[Message] | AsyncIterable[Message],
    *,
    probe: Operation[Any],
    concurrency: int,
    domain: str | None,
    options: CallOptions | None,
    journal: str | PathLike[str] | None = None,
    max_outage: float | None = MAX_OUTAGE,
    ordered: bool = False,
) -> AsyncSendRun:
    """Return a run of messages over one surface's operation.

    Raises:
        ConfigError: key or domain is missing, or an option is out of range. Nothing was sent.
    """
    flag(ordered, argument="ordered")
    source = SourceReader.of(messages, argument="messages", advice=ADVICE)
    calls = BulkCalls.of(client, concurrency, options, max_outage=max_outage, probe=probe, domain=domain)
    sending_domain = client._domain(domain)
    client._config.credential(operation)
    target = RunTarget(
        {"operation": operation.name, "domain": sending_domain, "base_url": client._config.base_url},
    )

    async def send(body: Body) -> ApiResponse[Queued]:
        return await calls.client.call(operation, domain=sending_domain, body=body, options=calls.options)

    return AsyncSendRun(
        source=source,
        work=MessageWork(surface=surface, send=send, target=target),
        concurrency=concurrency,
        policy=OutagePolicy(breaker=calls.breaker, idempotent=False, max_retry_after=calls.max_retry_after),
        ready=calls.ready,
        ordered=ordered,
        recorder=_recorder(journal, target),
        runtime=client._pipeline.runtime,
    )


def _recorder(journal: str | PathLike[str] | None, target: RunTarget) -> Recorder[Message]:
    if journal is None:
        return Recorder()
    # It imports SQLite, which runs without a journal do not need.
    from omnivery.bulk.journal.once import OnceRecorder

    return OnceRecorder(path=journal, target=target, limit=JOURNAL_LIMIT)


async def send_many(
    client: AsyncBaseClient[Any],
    operation: Operation[Queued],
    surface: Surface,
    messages: Iterable[Message] | AsyncIterable[Message],
    *,
    progress: bool = False,
    on_progress: Callable[[SendReport], None] | None = None,
    **options: Any,
) -> SendReport:
    """Send messages with one surface's operation; the surfaces' `messages.send_many` document it."""
    callback(on_progress, argument="on_progress")
    flag(progress, argument="progress")
    run = message_run(client, operation, surface, messages, **options)
    return await finish_watched(run, "Sending", messages, progress=progress, on_progress=on_progress)


async def send_batch(
    client: AsyncBaseClient[Any],
    operation: Operation[Queued],
    surface: Surface,
    message: MessageLike,
    recipients: Mapping[str, Mapping[str, Any]],
    *,
    individually: bool,
    **options: Any,
) -> SendReport:
    """Send one message to many recipients; the surfaces' `messages.send_batch` document it."""
    calls = batches(message, recipients, individually=individually)
    first = next(calls, None)
    if first is None:
        raise ConfigError("recipients: there are none. Nothing was sent.")
    # A fault in the first call's message is in the message of every call.
    encode(first, surface)
    return await send_many(client, operation, surface, chain([first], calls), **options)
