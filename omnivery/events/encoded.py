"""Events that a file's reader hands to a run as bytes, without an object for each.

Creating an attrs object for each event, and garbage-collecting it, would take half as long as sending. Plain tuples
take a tenth of that time, because the collector stops tracking them at its first pass. Only runs see these tuples:
outcomes and reports have `EventLine`s and `BotEvent`s instead, from `decoded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, TypeAlias, overload

from attrs import define

from omnivery import codec
from omnivery.events.event import BotEvent, EventLike, EventLine

EncodedEvent: TypeAlias = tuple[object, bytes, Any]
"""The kind, the event's JSON, and the number of its line or its id. Not every tuple is one: see `is_encoded`."""

LINE = object()
"""Kind of a line of NDJSON that was read and not parsed. The third part is the line's number."""
CHECKED = object()
"""Kind of an event that a reader has created and checked. The third part is the event's id."""
PARTS = 3
"""Parts of an encoded event."""


@define(eq=False, kw_only=True)
class LineBlock(Sequence[EncodedEvent]):
    """Sound lines of NDJSON that follow one another in a file, as the text that they are there."""

    text: bytes
    """Each line ends with a line feed."""
    first: int
    """The number of the first line."""
    ids: Sequence[str]
    """The ids of its events. What else was decoded is let go at once: to free it later takes three times as long."""

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> EncodedEvent: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EncodedEvent]: ...
    def __getitem__(self, index: int | slice) -> EncodedEvent | Sequence[EncodedEvent]:
        return [*self][index]

    def __iter__(self) -> Iterator[EncodedEvent]:
        return zip(repeat(LINE), self.text.split(b"\n"), range(self.first, self.first + len(self)), strict=False)


@define(eq=False, kw_only=True)
class CheckedBlock(Sequence[EncodedEvent]):
    """Events that a reader has created and checked, without an object for each."""

    texts: list[str]
    """The JSON of each."""
    ids: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> EncodedEvent: ...
    @overload
    def __getitem__(self, index: slice) -> CheckedBlock: ...
    def __getitem__(self, index: int | slice) -> EncodedEvent | CheckedBlock:
        if isinstance(index, slice):
            return CheckedBlock(texts=self.texts[index], ids=self.ids[index])
        return CHECKED, self.texts[index].encode(), self.ids[index]

    def __iter__(self) -> Iterator[EncodedEvent]:
        return zip(repeat(CHECKED, len(self)), map(str.encode, self.texts), self.ids, strict=True)


def is_encoded(item: Any) -> bool:
    """Whether an item is an encoded event. A caller's own tuple never is."""
    return type(item) is tuple and len(item) == PARTS and (item[0] is LINE or item[0] is CHECKED)


def line_in(item: Any) -> bytes | None:
    """Return the bytes of a line of NDJSON; None for another item."""
    # Compare types first: isinstance() with each kind in turn takes as long as parsing the line.
    kind = type(item)
    if kind is dict:
        return None
    if kind is tuple:
        return item[1] if len(item) == PARTS and item[0] is LINE else None
    if isinstance(item, bytes):
        return item
    return item.data if isinstance(item, EventLine) else None


def line_number(item: Any) -> int | None:
    """Return the number of a line of NDJSON, if it is known."""
    if is_encoded(item):
        return item[2] if item[0] is LINE else None
    return item.line if isinstance(item, EventLine) else None


def decoded(item: Any) -> EventLike:
    """Return an item as a caller sees it."""
    if not is_encoded(item):
        return item  # type: ignore[no-any-return]  # it is an event of another kind
    kind, data, third = item
    return EventLine(data=data, line=third) if kind is LINE else BotEvent.from_fields(codec.loads(data))


def all_decoded(items: Iterable[Any]) -> tuple[EventLike, ...]:
    """Return items as a caller sees them."""
    return tuple(map(decoded, items))
