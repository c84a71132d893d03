"""One batch and the outcome of its items: decisions without I/O.

A batch is sent as one part at first. A part that the service refuses as a whole, or that is too large, is halved until
the bad items stand alone. Whatever happens, each item ends in exactly one of accepted, rejected, undelivered and, where
a request must not be repeated, unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, evolve, field

from omnivery.bulk.files import FileStart, file_at
from omnivery.bulk.part import BatchDelta, Part, PartState, SettledPart
from omnivery.bulk.report import Rejection, SettledBatch
from omnivery.errors import AmbiguousError, ApiError, NotSentError, OmniveryError

if TYPE_CHECKING:
    from omnivery.bulk.part import StoredItem, StoredPart
    from omnivery.bulk.work import Work
    from omnivery.transport.http import ApiResponse

T = TypeVar("T")

MAX_REFUSALS = 64
"""Refusals without a single acceptance after which halving ends: then the fault is not in the items, and those that
were not tried alone are undelivered."""


@define(kw_only=True)
class Batch(Generic[T]):
    """Some items of a source, from their reading to their outcome.

    Call `next_request()`, send it, and report its end by `accepted`, `refused`, `failed` or `held`; repeat until it
    returns None. `close()` returns the outcome at any moment: items of open parts are then undelivered.

    For a journal, `encode_open()` encodes the open parts, and `take_delta()` returns the changes.
    """

    work: Work[T, Any, Any]
    number: int
    items: Sequence[T]
    start: int
    """Place of the first item in the source."""
    files: Sequence[FileStart] = ()
    """The files of the items, by their places in the source."""
    named: bool = False
    """Whether parts know their items' ids."""
    counted: bool = False
    """Whether an earlier run has counted it: a request with it has ended there."""
    source: int = 0
    """Its source's row in a journal."""
    requests: int = field(init=False, default=0)
    retries: int = field(init=False, default=0)
    responses: list[ApiResponse[Any]] = field(init=False, factory=list["ApiResponse[Any]"])
    """The responses to accepted requests."""
    refusals: list[OmniveryError] = field(init=False, factory=list[OmniveryError])
    """The errors that items were rejected for, where they were sent alone."""
    _open: list[Part[T]] = field(init=False, factory=list[Part[T]])
    _accepted: Sequence[T] = field(init=False, default=())
    _rejected: list[Rejection] = field(init=False, factory=list[Rejection])
    _refused: list[T] = field(init=False, factory=list[T])
    """The items of `_rejected`."""
    _undelivered: list[T] = field(init=False, factory=list[T])
    _unknown: list[T] = field(init=False, factory=list[T])
    _errors: list[OmniveryError] = field(init=False, factory=list[OmniveryError])
    _refusals: int = field(init=False, default=0)
    _in_flight: bool = field(init=False, default=False)
    """Whether the last open part's request is out."""
    _waiting: bool = field(init=False, default=False)
    """Whether the last open part, which must not be sent twice, is written down as unsent."""
    _claimed: list[int] = field(init=False, factory=list[int])
    _opened: list[Part[T]] = field(init=False, factory=list[Part[T]])
    _ended: list[SettledPart] = field(init=False, factory=list[SettledPart])
    _told: tuple[int, int, int] = field(init=False, default=(0, 0, 0))
    """Requests, retries and rejections that `take_delta` has returned."""

    def __attrs_post_init__(self) -> None:
        if not self.items:
            return
        found = self.work.screen(self.items, named=self.named)
        indices = range(self.start, self.start + len(self.items))
        part = Part(items=self.items, indices=indices, ids=found.ids, lines=found.lines, body=found.body)
        self._sift(part, found.faults)

    @classmethod
    def revived(cls, work: Work[T, Any, Any], parts: Sequence[StoredPart]) -> Batch[T]:
        """Return the batch that a journal has these parts of. It sends the bytes that were to be sent.

        Raises:
            ValueError: a body is not one that `work` made.
        """
        first = parts[0]
        counted = any(part.counted for part in parts)
        batch = cls(
            work=work,
            number=first.number,
            items=(),
            start=0,
            files=[file for part in parts for file in part.files],
            counted=counted,
            source=first.source,
        )
        batch._open = [
            Part(
                items=work.items_of(part),
                indices=part.indices,
                lines=part.lines,
                ids=part.ids,
                body=part.body,
                row=part.row,
            )
            for part in reversed(parts)
        ]
        return batch

    @classmethod
    def reopened(
        cls, work: Work[T, Any, Any], item: T, place: int, part: StoredItem, *, number: int, source: int
    ) -> Batch[T]:
        """Return the batch of one item that a journal knows by its digest, and has as unsent."""
        batch = cls(work=work, number=number, items=(), start=place, source=source)
        batch._open = [Part(items=[item], indices=[place], row=part.row, digest=part.digest)]
        batch._waiting = True
        return batch

    @property
    def next_items(self) -> int:
        """How many items the next request will carry, at most; 0 when nothing is left to send."""
        return len(self._open[-1].items) if self._open else 0

    @property
    def next_new_items(self) -> int:
        """How many of these were in no request yet."""
        return 0 if not self._open or self._open[-1].posted else len(self._open[-1].items)

    @property
    def left(self) -> int:
        """How many items are still open."""
        return sum(len(part.items) for part in self._open)

    def next_request(self) -> Any:
        """Return the body of the next request; None when nothing is left to send."""
        if not self.encode_next():
            return None
        self._open[-1].posted = True
        self._in_flight = True
        return self._open[-1].body

    def encode_next(self) -> bool:
        """Encode what is sent next, while its items are as they were read; False when nothing is left to send."""
        while self._open:
            part = self._open[-1]
            if part.body is not None:
                return True
            try:
                body = self.work.encode(part.items)
            except self.work.unencodable:
                self._open.pop()
                self._sift(part, [self._fault(item) for item in part.items])
                continue
            if isinstance(body, bytes) and len(body) > self.work.max_bytes:
                self._divide(f"it is larger than {self.work.max_bytes:,} bytes")
                continue
            # Kept: a request that is repeated is the same bytes, whatever the caller does to the items meanwhile.
            part.body = body
            return True
        return False

    def accepted(self, response: ApiResponse[Any]) -> None:
        """The service accepted the last request."""
        self._count(response.attempts)
        self.responses.append(response)
        part = self._end(PartState.ACCEPTED, response.attempts, ids=self.work.ids_of(response))
        # Mostly the one part, and nobody looks at its items.
        self._accepted = [*self._accepted, *part.items] if self._accepted else part.items

    def refused(self, error: OmniveryError) -> None:
        """The service refused the content of the last request, or found it too large: halve the part."""
        self._count(getattr(error, "attempts", 0))
        self._refusals += 1
        refusal = (
            f"the server refused it: {error.status} {error.message}" if isinstance(error, ApiError) else str(error)
        )
        self._divide(refusal, error)
        # One bad event among 500 costs ten refusals.
        if self._refusals >= MAX_REFUSALS and not self._accepted and self._open:
            self._errors.append(error)
            while self._open:
                self._undelivered.extend(self._end(PartState.UNDELIVERED, error=error).items)

    def failed(self, error: OmniveryError, *, state: PartState = PartState.UNDELIVERED) -> None:
        """The last request failed, and its part is not sent again by this run."""
        attempts = getattr(error, "attempts", 0)
        self._count(attempts)
        self._errors.append(error)
        part = self._end(state, attempts, error)
        (self._unknown if state is PartState.UNKNOWN else self._undelivered).extend(part.items)

    def held(self, error: OmniveryError) -> None:
        """The last request failed, and its part stays open, to be sent again."""
        attempts = getattr(error, "attempts", 0)
        self._count(attempts)
        part = self._open[-1]
        if part.digest is not None:
            # While it waits it is certain to be unsent, and a crash must not leave it in doubt.
            self._ended.append(SettledPart(part=part, state=PartState.PENDING, attempts=attempts, error=str(error)))
            self._waiting = True

    def claim(self) -> bool:
        """Say whether the next part must be written down as being sent again, before it is sent."""
        if not self._waiting:
            return False
        self._waiting = False
        self._claimed.append(self._open[-1].row or 0)
        return True

    def unsent(self) -> None:
        """The last request was given up before it was sent: its part stays open."""
        self._in_flight = False

    def close(self) -> SettledBatch[T]:
        """Return the outcome of the batch. Open parts are undelivered, or unknown if they must not be sent again.

        Accepted items are as the source gave them: mostly nobody looks at them.
        """
        if self._in_flight:
            self._errors.append(AmbiguousError("the run ended before the response came"))
        elif self._open:
            self._errors.append(NotSentError(f"the run ended before the {self.work.noun} were sent"))
        if self._in_flight and not self.work.idempotent:
            self._unknown.extend(self._end(PartState.UNKNOWN, error=self._errors[-1]).items)
        while self._open:
            self._undelivered.extend(self._end(PartState.PENDING).items)
        return SettledBatch(
            batch=self.number,
            start=self.start,
            accepted=self._accepted,
            rejected=tuple(self._rejected),
            refused=self.work.decoded(self._refused),
            undelivered=self.work.decoded(self._undelivered),
            unknown=self.work.decoded(self._unknown),
            errors=tuple(self._errors),
            requests=self.requests,
            retries=self.retries,
        )

    def encode_open(self, rows: Iterator[int]) -> None:
        """Encode all parts that are new, and give each a row."""
        ready: list[Part[T]] = []
        while self.encode_next():
            part = self._open.pop()
            ready.append(part if part.row is not None else self._opened_as(part, part.body, rows))
        self._open = ready[::-1]
        # Parts that have ended before they had a row of their own, mostly with the whole batch.
        for one in self._ended:
            if one.part.row is None and one.state is not PartState.REPLACED:
                body = one.part.body if one.part.body is not None else self.work.encode(one.part.items)
                self._opened_as(one.part, body, rows)

    def take_delta(self) -> BatchDelta:
        """Return what has changed since the last call. Parts that were never encoded are left out."""
        requests, retries, rejected = self._told
        delta = BatchDelta(
            number=self.number,
            source=self.source,
            counted=self.counted or self.requests > 0,
            unfinished=bool(self._open),
            files=self.files,
            opened=self._opened,
            claimed=self._claimed,
            ended=[one for one in self._ended if one.part.row is not None],
            rejected=[*zip(self._rejected[rejected:], map(self.work.stored, self._refused[rejected:]), strict=True)],
            batches=int(self.requests > requests == 0 and not self.counted),
            requests=self.requests - requests,
            retries=self.retries - retries,
        )
        self._opened, self._claimed, self._ended = [], [], []
        self._told = (self.requests, self.retries, len(self._rejected))
        return delta

    def _opened_as(self, part: Part[T], body: Any, rows: Iterator[int]) -> Part[T]:
        part.body, part.row, part.digest = body, next(rows), self.work.digest(body)
        self._opened.append(part)
        return part

    def _end(
        self,
        state: PartState,
        attempts: int = 0,
        error: OmniveryError | None = None,
        ids: Sequence[str | None] | None = None,
    ) -> Part[T]:
        part = self._open.pop()
        self._in_flight = False
        words = str(error) if error else None
        self._ended.append(SettledPart(part=part, state=state, attempts=attempts, error=words, ids=ids))
        return part

    def _count(self, attempts: int) -> None:
        self._in_flight = False
        self.requests += attempts
        self.retries += max(attempts - 1, 0)

    def _divide(self, reason: str, error: OmniveryError | None = None) -> None:
        part = self._end(PartState.REPLACED)
        if len(part.items) == 1:
            if error is not None:
                self.refusals.append(error)
            self._reject(part.items[0], part.indices[0], reason)
            return
        first, second = part.halves()
        # The first half goes out first: an open part is taken from the end.
        self._open += [second, first]

    def _fault(self, item: T) -> str | None:
        try:
            self.work.encode([item])
        except self.work.unencodable as error:
            if isinstance(error, OmniveryError):
                self.refusals.append(error)
            return self.work.fault(item, error)
        return None

    def _sift(self, part: Part[T], faults: Sequence[str | None] | None) -> None:
        """Reject those items of a part that have a fault, and open what is left of it."""
        if faults is not None and any(faults):
            for item, index, fault in zip(part.items, part.indices, faults, strict=True):
                if fault is not None:
                    self._reject(item, index, fault)
            part = part.only([fault is None for fault in faults])
        if part.items:
            self._open.append(part)

    def _reject(self, item: T, index: int, reason: str) -> None:
        rejection = self.work.rejection(item, index, reason)
        file = file_at(self.files, index)
        self._rejected.append(rejection if file is None else evolve(rejection, file=file))
        self._refused.append(item)
