"""Bot events as bulk work: the content of a request, and its outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from attrs import define, evolve

from omnivery.automations.report import BatchOutcome, SubmitReport
from omnivery.bulk.part import StoredPart
from omnivery.bulk.report import Rejection, RunState, RunTotals, SettledBatch
from omnivery.bulk.target import RunTarget
from omnivery.bulk.work import Screening, Work
from omnivery.errors import ApiError, OmniveryError
from omnivery.events.encoded import all_decoded, line_number
from omnivery.events.encoding import encode_batch, events_in, item_bytes
from omnivery.events.event import EventLike, EventLine, UnreadableLine
from omnivery.events.prepared import prepared
from omnivery.events.validation import event_id_of, fault_of, faults_and_ids, faults_of
from omnivery.transport.http import ApiResponse

MAX_EVENTS = 500
"""Events that one request may carry (https://docs.omnivery.com/api-ref/automations-api, Bot detection)."""
MAX_BYTES = 1_000_000
"""Bytes of one request. The API names no limit; this is below the megabyte that common web servers take by default."""

BISECTED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Statuses after which a batch is halved until the bad events stand alone."""


@define(kw_only=True, eq=False)
class EventWork(Work[EventLike, BatchOutcome, SubmitReport]):
    """Bot events, 500 to a request. Sending a batch is idempotent, because verdicts are keyed by `event_id`."""

    noun: ClassVar[str] = "events"
    unencodable: ClassVar[tuple[type[Exception], ...]] = (TypeError, ValueError, RecursionError)

    send: Callable[[bytes], Awaitable[ApiResponse[Any]]]
    target: RunTarget
    size: int = MAX_EVENTS
    max_bytes: int = MAX_BYTES

    def screen(self, items: Sequence[EventLike], *, named: bool) -> Screening:
        """Check events, and encode a batch of sound ones in the same pass."""
        found = prepared(items, self.target["webhook_url"])
        if found is not None and len(found.body) <= self.max_bytes:
            return (
                Screening(body=found.body, ids=[*found.ids], lines=found.lines) if named else Screening(body=found.body)
            )
        if not named:
            return Screening(faults=faults_of(items))
        faults, ids = faults_and_ids(items)
        return Screening(faults=faults, ids=ids, lines=_lines_of(items))

    def encode(self, items: Sequence[EventLike]) -> bytes:
        """Return the JSON body of a batch."""
        return encode_batch(items, self.target["webhook_url"])

    def fault(self, item: EventLike, error: Exception) -> str:
        """Return why an event cannot be encoded."""
        return fault_of(item) or _no_json(error)

    async def post(self, body: bytes) -> ApiResponse[Any]:
        """Send one batch."""
        return await self.send(body)

    def refuses(self, error: OmniveryError, body: bytes) -> bool:  # noqa: ARG002  # the status tells it
        """Whether the service refused a batch because of its events, so that halving it may help."""
        return isinstance(error, ApiError) and error.status in BISECTED

    def rejection(self, item: EventLike, index: int, reason: str) -> Rejection:
        """Return the record of a rejected event, or of a line that holds none."""
        line = item.line if isinstance(item, UnreadableLine) else line_number(item)
        return Rejection(index=index, reason=reason, line=line, event_id=event_id_of(item))

    def decoded(self, items: Iterable[EventLike]) -> tuple[EventLike, ...]:
        """Return events as a caller sees them."""
        return all_decoded(items)

    def decoded_outcome(self, outcome: BatchOutcome) -> BatchOutcome:
        """Return an outcome as a caller sees it."""
        return evolve(outcome, accepted=all_decoded(outcome.accepted))

    def stored(self, item: EventLike) -> bytes | None:
        """Return an event as JSON, where it can be written."""
        return item_bytes(item)

    def items_of(self, part: StoredPart) -> Sequence[EventLike]:
        """Return the events of a body as lines of NDJSON: the very bytes that were to be sent."""
        items: list[EventLike] = [*events_in(part.body)]
        if part.lines is None:
            return items
        return [
            item if line is None else EventLine(data=item, line=line)  # type: ignore[arg-type]  # all are bytes
            for item, line in zip(items, part.lines, strict=True)
        ]

    def outcome(
        self,
        settled: SettledBatch[EventLike],
        responses: Sequence[ApiResponse[Any]],  # noqa: ARG002  # what the service says to a batch is not documented
        refusals: Sequence[OmniveryError],  # noqa: ARG002  # their text stands in the rejections
    ) -> BatchOutcome:
        """Return the outcome of a batch."""
        return BatchOutcome.of(settled)

    def number_of(self, outcome: BatchOutcome) -> int:
        """Return the number of the outcome's batch."""
        return outcome.batch

    def report(self, totals: RunTotals[EventLike], state: RunState) -> SubmitReport:
        """Return the report of a run of events."""
        return SubmitReport.of(totals, state)


def _lines_of(items: Sequence[EventLike]) -> list[int | None] | None:
    lines = [line_number(item) for item in items]
    return lines if any(lines) else None


def _no_json(error: Exception) -> str:
    if isinstance(error, TypeError):
        return f"it holds a value without a JSON form: {error}"
    return "it holds text that is not Unicode, or it contains itself"
