"""The parts in which a batch travels, and what is told of them to a journal."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from itertools import compress

from attrs import field, frozen

from omnivery.bulk.report import Rejection
from omnivery.events.event import EventLike


@frozen(kw_only=True, eq=False)
class Part:
    """Events that travel in one request."""

    events: Sequence[EventLike]
    indices: Sequence[int]
    """Each event's place in the source."""
    ids: Sequence[str | None] | None = None
    """Each event's `event_id`, where somebody asked for them."""
    body: bytes | None = None
    """The request's body, once it may not change any more."""
    row: int | None = None
    """The part's row in a journal."""

    def halves(self) -> tuple[Part, Part]:
        """The part in two."""
        middle = len(self.events) // 2
        return self._cut(slice(middle)), self._cut(slice(middle, None))

    def _cut(self, piece: slice) -> Part:
        ids = self.ids[piece] if self.ids is not None else None
        return Part(events=self.events[piece], indices=self.indices[piece], ids=ids)

    def only(self, chosen: Sequence[bool]) -> Part:
        """Those of its events that are chosen."""
        ids = list(compress(self.ids, chosen)) if self.ids is not None else None
        return Part(events=list(compress(self.events, chosen)), indices=list(compress(self.indices, chosen)), ids=ids)


class PartState(Enum):
    """What became of a part."""

    ACCEPTED = auto()
    REPLACED = auto()
    """By its halves, or, where it was one event, by a rejection."""
    UNDELIVERED = auto()
    PENDING = auto()
    """The run ended before it could be sent, or was stopped by what it met: it is as it was."""


@frozen(kw_only=True, eq=False)
class SettledPart:
    """A part that is no longer open."""

    part: Part
    state: PartState
    attempts: int = 0
    error: str | None = None


@frozen(kw_only=True, eq=False)
class BatchDelta:
    """What has changed in a batch since one asked last."""

    number: int
    """The batch's."""
    source: int
    """Its source's row."""
    counted: bool
    """Whether a request with the batch has come to an end, now or before."""
    unfinished: bool
    """Whether it has open parts."""
    opened: Sequence[Part] = ()
    """Parts that are new, with body and row."""
    ended: Sequence[SettledPart] = ()
    rejected: Sequence[tuple[Rejection, EventLike]] = ()
    requests: int = 0
    retries: int = 0
    begun: bool = False
    """Whether this was the batch's first request."""
    accepted: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        accepted = sum(len(one.part.events) for one in self.ended if one.state is PartState.ACCEPTED)
        object.__setattr__(self, "accepted", accepted)
