"""One batch and the account of its events: decisions without I/O.

A batch is sent as one part at first. A part that the server refuses as a whole, or that is too large, is halved until
what is wrong stands alone. Whatever happens, each item ends in exactly one of accepted, rejected and undelivered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define, evolve, field

from omnivery.bulk.report import BatchOutcome, Rejection
from omnivery.bulk.work import (
    BatchDelta,
    Part,
    PartState,
    SettledPart,
    StoredPart,
)
from omnivery.errors import AmbiguousError, ApiError, NotSentError, OmniveryError
from omnivery.events.encoding import encode_batch, events_in, item_bytes
from omnivery.events.event import (
    BotEvent,
    EventLike,
    EventLine,
    UnreadableLine,
)
from omnivery.events.validation import event_id_of, faults_and_ids, faults_of

MAX_EVENTS = 500
"""Events that one request may carry (https://docs.omnivery.com/api-ref/automations-api, Bot detection)."""
MAX_BYTES = 1_000_000
"""Bytes of one request. The API names no limit; this is below the megabyte that common web servers take by default."""
HOPELESS = 64
"""Refusals without a single acceptance after which halving ends: then it is not the events that are wrong, and those
that were not tried alone are undelivered."""
NO_JSON = (TypeError, ValueError, RecursionError)
"""What the encoder raises for an event that JSON cannot say."""


@define(kw_only=True)
class Batch:
    """Some items of a source on their way.

    Ask for `next_request()`, send it, and say how it went: `took`, `refused` or `failed`; until there is none left.
    `close()` at any moment gives the outcome: whatever is still open is then undelivered.

    For a journal, `encode_open()` fixes the bytes of what is open, and `take_delta()` tells what has changed.
    """

    number: int
    items: Sequence[EventLike]
    start: int
    """Place of the first item in the source."""
    webhook_url: str
    max_bytes: int = MAX_BYTES
    named: bool = False
    """Whether parts know their events' ids."""
    counted: bool = False
    """Whether an earlier run has counted it: a request with it has ended there."""
    source: int = 0
    """Its source's row in a journal."""
    requests: int = field(init=False, default=0)
    retries: int = field(init=False, default=0)
    _open: list[Part[EventLike]] = field(init=False, factory=list[Part[EventLike]])
    _accepted: list[EventLike] = field(init=False, factory=list[EventLike])
    _rejected: list[Rejection] = field(init=False, factory=list[Rejection])
    _undelivered: list[EventLike] = field(init=False, factory=list[EventLike])
    _errors: list[OmniveryError] = field(init=False, factory=list[OmniveryError])
    _refusals: int = field(init=False, default=0)
    _under_way: bool = field(init=False, default=False)
    """Whether the last open part's request is out and unanswered."""
    _refused: list[EventLike] = field(init=False, factory=list[EventLike])
    """The items of `_rejected`."""
    _opened: list[Part[EventLike]] = field(init=False, factory=list[Part[EventLike]])
    _ended: list[SettledPart] = field(init=False, factory=list[SettledPart])
    _told: tuple[int, int, int] = field(init=False, default=(0, 0, 0))
    """Requests, retries and rejections that are no news."""

    def __attrs_post_init__(self) -> None:
        indices = range(self.start, self.start + len(self.items))
        if {*map(type, self.items)} == {BotEvent}:
            # They are checked while they are encoded, so that each is read once.
            ids = [item.event_id for item in self.items] if self.named else None  # type: ignore[union-attr]
            self._push(Part(items=self.items, indices=indices, ids=ids))
        elif self.named:
            faults, ids = faults_and_ids(self.items)
            self._sift(Part(items=self.items, indices=indices, lines=_lines_of(self.items), ids=ids), faults)
        else:
            self._sift(Part(items=self.items, indices=indices), faults_of(self.items))

    def reopen(self, parts: Sequence[Part[EventLike]]) -> None:
        """Take up parts of an earlier run."""
        self._open += reversed(parts)

    @property
    def next_events(self) -> int:
        """How many events the next request will carry, at most; 0 when nothing is left to send."""
        return len(self._open[-1].items) if self._open else 0

    @property
    def left(self) -> int:
        """How many events are still open."""
        return sum(len(part.items) for part in self._open)

    def next_request(self) -> bytes | None:
        """The body of the next request; None when nothing is left to send."""
        while self._open:
            part = self._open[-1]
            if part.body is not None:
                self._under_way = True
                return part.body
            try:
                body = encode_batch(part.items, self.webhook_url)
            except NO_JSON:
                self._open.pop()
                self._sift(part, self._why_not(part))
                continue
            if len(body) <= self.max_bytes:
                self._under_way = True
                return body
            self._divide(f"the event is larger than {self.max_bytes:,} bytes")
        return None

    def took(self, attempts: int) -> None:
        """The server accepted the last request."""
        self._count(attempts)
        self._accepted.extend(self._end(PartState.ACCEPTED, attempts).items)

    def refused(self, error: ApiError) -> None:
        """The server found fault with the last request (400), or found it too large (413): halve it."""
        self._count(error.attempts)
        self._refusals += 1
        reason = f"the server refused it: {error.status} {error.message}"
        self._divide(reason)
        # One bad event among 500 costs ten refusals. Sixty-four and nothing accepted: the fault lies elsewhere.
        if self._refusals >= HOPELESS and not self._accepted and self._open:
            self._errors.append(error)
            while self._open:
                self._undelivered.extend(self._end(PartState.UNDELIVERED, error=error).items)

    def failed(self, error: OmniveryError, attempts: int, *, state: PartState = PartState.UNDELIVERED) -> None:
        """The last request did not get through."""
        self._count(attempts)
        self._errors.append(error)
        self._undelivered.extend(self._end(state, attempts, error).items)

    def close(self) -> BatchOutcome:
        """What became of the batch. Parts that are still open are undelivered."""
        if self._under_way:
            self._errors.append(AmbiguousError("the run ended before the answer came"))
        elif self._open:
            self._errors.append(NotSentError("the run ended before the events were sent"))
        while self._open:
            self._undelivered.extend(self._end(PartState.PENDING).items)
        return BatchOutcome(
            batch=self.number,
            accepted=tuple(self._accepted),
            rejected=tuple(self._rejected),
            undelivered=tuple(self._undelivered),
            errors=tuple(self._errors),
            requests=self.requests,
            retries=self.retries,
        )

    def encode_open(self, rows: Iterator[int]) -> None:
        """Encode all parts that are new, and give each a row."""
        ready: list[Part[EventLike]] = []
        while (body := self.next_request()) is not None:
            part = self._open.pop()
            ready.append(part if part.row is not None else self._opened_as(part, body, rows))
        self._open = ready[::-1]
        self._under_way = False
        # Halves that were given up before they had a row of their own.
        self._ended = [
            evolve(one, part=self._opened_as(one.part, encode_batch(one.part.items, self.webhook_url), rows))
            if one.part.row is None and one.state is not PartState.REPLACED
            else one
            for one in self._ended
        ]

    def take_delta(self) -> BatchDelta:
        """What has changed since this was asked last. Parts that were never frozen are no news."""
        requests, retries, rejected = self._told
        delta = BatchDelta(
            number=self.number,
            source=self.source,
            counted=self.counted or self.requests > 0,
            unfinished=bool(self._open),
            opened=self._opened,
            ended=[one for one in self._ended if one.part.row is not None],
            rejected=[*zip(self._rejected[rejected:], map(item_bytes, self._refused[rejected:]), strict=True)],
            batches=int(self.requests > requests == 0 and not self.counted),
            requests=self.requests - requests,
            retries=self.retries - retries,
        )
        self._opened, self._ended = [], []
        self._told = (self.requests, self.retries, len(self._rejected))
        return delta

    def _opened_as(self, part: Part[EventLike], body: bytes, rows: Iterator[int]) -> Part[EventLike]:
        frozen = evolve(part, body=body, row=next(rows))
        self._opened.append(frozen)
        return frozen

    def _end(self, state: PartState, attempts: int = 0, error: OmniveryError | None = None) -> Part[EventLike]:
        part = self._open.pop()
        self._ended.append(SettledPart(part=part, state=state, attempts=attempts, error=str(error) if error else None))
        return part

    def _count(self, attempts: int) -> None:
        self._under_way = False
        self.requests += attempts
        self.retries += attempts - 1

    def _push(self, part: Part[EventLike]) -> None:
        if part.items:
            self._open.append(part)

    def _divide(self, reason: str) -> None:
        part = self._end(PartState.REPLACED)
        if len(part.items) == 1:
            self._reject(part, reason)
            return
        first, second = part.halves()
        # The first half goes out first: an open part is taken from the end.
        self._open += [second, first]

    def _why_not(self, part: Part[EventLike]) -> list[str | None]:
        """What keeps a part from being encoded, for each of its events."""
        faults = faults_of(part.items)
        return faults if any(faults) else [self._json_fault(item) for item in part.items]

    def _json_fault(self, item: EventLike) -> str | None:
        try:
            encode_batch([item], self.webhook_url)
        except NO_JSON as error:
            return _no_json(error)
        return None

    def _sift(self, part: Part[EventLike], faults: Sequence[str | None]) -> None:
        """Reject those events of a part that have a fault, and open what is left of it."""
        if not any(faults):
            self._push(part)
            return
        for item, index, fault in zip(part.items, part.indices, faults, strict=True):
            if fault is not None:
                self._refuse(item, index, fault)
        self._push(part.only([fault is None for fault in faults]))

    def _reject(self, part: Part[EventLike], reason: str) -> None:
        for item, index in zip(part.items, part.indices, strict=True):
            self._refuse(item, index, reason)

    def _refuse(self, item: EventLike, index: int, reason: str) -> None:
        self._rejected.append(rejection(item, index, reason))
        self._refused.append(item)


def revive(rows: Sequence[StoredPart], *, webhook_url: str) -> Batch:
    """The batch that a journal has these parts of. Its events are lines of NDJSON now: the bytes that were to be sent.

    Raises:
        ValueError: a body is not one that `encode_batch` made.
    """
    first = rows[0]
    batch = Batch(
        number=first.number,
        items=(),
        start=0,
        webhook_url=webhook_url,
        named=True,
        counted=any(row.counted for row in rows),
        source=first.source,
    )
    batch.reopen([_part_of(row) for row in rows])
    return batch


def _part_of(row: StoredPart) -> Part[EventLike]:
    items: list[EventLike] = [*events_in(row.body)]
    if row.lines is not None:
        items = [
            item if line is None else EventLine(data=item, line=line)  # type: ignore[arg-type]  # all are bytes
            for item, line in zip(items, row.lines, strict=True)
        ]
    return Part(items=items, indices=row.indices, lines=row.lines, ids=row.ids, body=row.body, row=row.row)


def _lines_of(items: Sequence[EventLike]) -> list[int | None] | None:
    lines = [item.line if isinstance(item, EventLine) else None for item in items]
    return lines if any(lines) else None


def rejection(item: EventLike, index: int, reason: str) -> Rejection:
    """The record of one rejected item."""
    line = item.line if isinstance(item, EventLine | UnreadableLine) else None
    return Rejection(index=index, reason=reason, line=line, event_id=event_id_of(item))


def _no_json(error: Exception) -> str:
    if isinstance(error, TypeError):
        return f"it holds a value without a JSON form: {error}"
    return "it holds text that is not Unicode, or it contains itself"
