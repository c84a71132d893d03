"""One batch and the account of its events: decisions without I/O.

A batch is sent as one part at first. A part that the server refuses as a whole, or that is too large, is halved until
what is wrong stands alone. Whatever happens, each item ends in exactly one of accepted, rejected and undelivered.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field, frozen

from omnivery.automations.bulk.checking import event_id_of, faults_of
from omnivery.automations.bulk.encoding import encode_batch
from omnivery.automations.bulk.outcome import BatchOutcome, Rejection
from omnivery.automations.event import BotEvent, EventLike, EventLine, UnreadableLine
from omnivery.errors import AmbiguousError, ApiError, NotSentError, OmniveryError

MAX_EVENTS = 500
"""Events that one request may carry (https://docs.omnivery.com/api-ref/automations-api, Bot detection)."""
MAX_BYTES = 1_000_000
"""Bytes of one request. The API names no limit; this is below the megabyte that common web servers take by default."""
HOPELESS = 64
"""Refusals without a single acceptance after which halving ends: then it is not the events that are wrong, and those
that were not tried alone are undelivered."""
NO_JSON = (TypeError, ValueError, RecursionError)
"""What the encoder raises for an event that JSON cannot say."""


@frozen(kw_only=True, eq=False)
class Part:
    """Events that travel in one request."""

    events: Sequence[EventLike]
    indices: Sequence[int]
    """Each event's place in the source."""

    def halves(self) -> tuple[Part, Part]:
        """The part in two."""
        middle = len(self.events) // 2
        return (
            Part(events=self.events[:middle], indices=self.indices[:middle]),
            Part(events=self.events[middle:], indices=self.indices[middle:]),
        )


@define(kw_only=True)
class Batch:
    """Some items of a source on their way.

    Ask for `next_request()`, send it, and say how it went: `took`, `refused` or `failed`; until there is none left.
    `close()` at any moment gives the outcome: whatever is still open is then undelivered.
    """

    number: int
    items: Sequence[EventLike]
    start: int
    """Place of the first item in the source."""
    webhook_url: str
    max_bytes: int = MAX_BYTES
    requests: int = field(init=False, default=0)
    retries: int = field(init=False, default=0)
    _open: list[Part] = field(init=False, factory=list[Part])
    _accepted: list[EventLike] = field(init=False, factory=list[EventLike])
    _rejected: list[Rejection] = field(init=False, factory=list[Rejection])
    _undelivered: list[EventLike] = field(init=False, factory=list[EventLike])
    _errors: list[OmniveryError] = field(init=False, factory=list[OmniveryError])
    _refusals: int = field(init=False, default=0)
    _under_way: bool = field(init=False, default=False)
    """Whether the last open part's request is out and unanswered."""

    def __attrs_post_init__(self) -> None:
        whole = Part(events=self.items, indices=range(self.start, self.start + len(self.items)))
        if {*map(type, self.items)} == {BotEvent}:
            # They are checked while they are encoded, so that each is read once.
            self._push(whole)
        else:
            self._sift(whole, faults_of(self.items))

    @property
    def next_events(self) -> int:
        """How many events the next request will carry, at most; 0 when nothing is left to send."""
        return len(self._open[-1].events) if self._open else 0

    def next_request(self) -> bytes | None:
        """The body of the next request; None when nothing is left to send."""
        while self._open:
            part = self._open[-1]
            try:
                body = encode_batch(part.events, self.webhook_url)
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
        self._accepted.extend(self._open.pop().events)

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
                self._undelivered.extend(self._open.pop().events)

    def failed(self, error: OmniveryError, attempts: int) -> None:
        """The last request did not get through."""
        self._count(attempts)
        self._errors.append(error)
        self._undelivered.extend(self._open.pop().events)

    def close(self) -> BatchOutcome:
        """What became of the batch. Parts that are still open are undelivered."""
        if self._under_way:
            self._errors.append(AmbiguousError("the run ended before the answer came"))
        elif self._open:
            self._errors.append(NotSentError("the run ended before the events were sent"))
        while self._open:
            self._undelivered.extend(self._open.pop().events)
        return BatchOutcome(
            batch=self.number,
            accepted=tuple(self._accepted),
            rejected=tuple(self._rejected),
            undelivered=tuple(self._undelivered),
            errors=tuple(self._errors),
            requests=self.requests,
            retries=self.retries,
        )

    def _count(self, attempts: int) -> None:
        self._under_way = False
        self.requests += attempts
        self.retries += attempts - 1

    def _push(self, part: Part) -> None:
        if part.events:
            self._open.append(part)

    def _divide(self, reason: str) -> None:
        part = self._open.pop()
        if len(part.events) == 1:
            self._reject(part, reason)
            return
        first, second = part.halves()
        # The first half goes out first: an open part is taken from the end.
        self._open += [second, first]

    def _why_not(self, part: Part) -> list[str | None]:
        """What keeps a part from being encoded, for each of its events."""
        faults = faults_of(part.events)
        return faults if any(faults) else [self._json_fault(item) for item in part.events]

    def _json_fault(self, item: EventLike) -> str | None:
        try:
            encode_batch([item], self.webhook_url)
        except NO_JSON as error:
            return _no_json(error)
        return None

    def _sift(self, part: Part, faults: Sequence[str | None]) -> None:
        """Reject those events of a part that have a fault, and open what is left of it."""
        if not any(faults):
            self._push(part)
            return
        sound: list[tuple[EventLike, int]] = []
        for item, index, fault in zip(part.events, part.indices, faults, strict=True):
            if fault is None:
                sound.append((item, index))
            else:
                self._rejected.append(rejection(item, index, fault))
        self._push(Part(events=[item for item, _ in sound], indices=[index for _, index in sound]))

    def _reject(self, part: Part, reason: str) -> None:
        for item, index in zip(part.events, part.indices, strict=True):
            self._rejected.append(rejection(item, index, reason))


def rejection(item: EventLike, index: int, reason: str) -> Rejection:
    """The record of one rejected item."""
    line = item.line if isinstance(item, EventLine | UnreadableLine) else None
    return Rejection(index=index, reason=reason, line=line, event_id=event_id_of(item))


def _no_json(error: Exception) -> str:
    if isinstance(error, TypeError):
        return f"it holds a value without a JSON form: {error}"
    return "it holds text that is not Unicode, or it contains itself"
