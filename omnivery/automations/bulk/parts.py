"""The parts in which a batch travels, and what is told of them to a journal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from itertools import compress

from attrs import field, frozen

from omnivery import codec
from omnivery.automations.bulk.checking import event_id_of, faults_of
from omnivery.automations.bulk.outcome import Rejection
from omnivery.automations.event import EventLike, EventLine


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


class Fate(Enum):
    """What became of a part."""

    ACCEPTED = auto()
    REPLACED = auto()
    """By its halves, or, where it was one event, by a rejection."""
    UNDELIVERED = auto()
    PENDING = auto()
    """The run ended before it could be sent, or was stopped by what it met: it is as it was."""


@frozen(kw_only=True, eq=False)
class Ended:
    """A part that is no longer open."""

    part: Part
    fate: Fate
    attempts: int = 0
    error: str | None = None


@frozen(kw_only=True, eq=False)
class News:
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
    ended: Sequence[Ended] = ()
    rejected: Sequence[tuple[Rejection, EventLike]] = ()
    requests: int = 0
    retries: int = 0
    begun: bool = False
    """Whether this was the batch's first request."""
    accepted: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        accepted = sum(len(one.part.events) for one in self.ended if one.fate is Fate.ACCEPTED)
        object.__setattr__(self, "accepted", accepted)


def faults_and_ids(items: Sequence[EventLike]) -> tuple[list[str | None], list[str | None]]:
    """`faults_of` and the ids of a batch: each line of NDJSON is parsed once for both."""
    kinds = {*map(type, items)}
    views = [_view(item) for item in items] if any(issubclass(kind, _LINES) for kind in kinds) else items
    if kinds == {dict}:
        return faults_of(views), [item.get("event_id") for item in items]  # type: ignore[union-attr]  # all are dicts
    return faults_of(views), [view.get("event_id") if type(view) is dict else event_id_of(view) for view in views]


def events_in(body: bytes) -> Iterator[bytes]:
    """The events of a batch's body, each the very bytes that stand in it."""
    # Cut rather than parsed: a number of thirty digits, or a lone surrogate's escape, comes out as it went in.
    depth, start = 0, body.index(b'"events":[') + len(b'"events":[')
    for mark in _MARKS.finditer(body, start):
        kind = mark[0]
        if kind in _OPENING:
            depth += 1
        elif kind in _CLOSING:
            depth -= 1
            if depth < 0:
                yield body[start : mark.start()]
                return
        elif depth == 0 and kind == b",":
            yield body[start : mark.start()]
            start = mark.end()


_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")
_MARKS = re.compile(rb'[\[\]{}]|,(?=\s*+\{)|"(?:[^"\\]++|\\.)*+"', re.DOTALL)


_LINES = (EventLine, bytes)


def _view(item: EventLike) -> EventLike:
    """A line as the mapping in it; everything else, and a line without one, as it is."""
    if isinstance(item, _LINES):
        try:
            parsed = codec.loads(item.data if isinstance(item, EventLine) else item)
        except ValueError:
            return item
        return parsed if type(parsed) is dict else item
    return item
