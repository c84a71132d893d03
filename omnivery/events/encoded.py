"""Events that a file's reader hands to a run as bytes, with no object for each.

An attrs object for each event, and what the garbage collector does with it, would take as long as half of sending. So
they are plain tuples: those take a tenth of the time, and the collector lets go of them when it first meets them. Only
a run sees them: whoever looks at an outcome or a report gets `EventLine`s and `BotEvent`s, by `decoded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from omnivery import codec
from omnivery.events.event import BotEvent, EventLike, EventLine

EncodedEvent: TypeAlias = tuple[object, bytes, Any]
"""What kind it is, the event's JSON, and its number of a line or its id. Not every tuple is one: see `is_encoded`."""

LINE = object()
"""Kind of a line of NDJSON as it was read: nothing of it is known but its number, which comes third."""
CHECKED = object()
"""Kind of an event that a reader has made and checked. Its id comes third."""


_PARTS = 3


def is_encoded(item: Any) -> bool:
    """Whether an item is an encoded event; no tuple of a caller's is."""
    return type(item) is tuple and len(item) == _PARTS and (item[0] is LINE or item[0] is CHECKED)


def line_in(item: Any) -> bytes | None:
    """Return the bytes of a line of NDJSON; None for what is none."""
    # By its type first: isinstance() of each kind in turn takes as long as to parse the line.
    kind = type(item)
    if kind is dict:
        return None
    if kind is tuple:
        return item[1] if len(item) == _PARTS and item[0] is LINE else None
    if isinstance(item, bytes):
        return item
    return item.data if isinstance(item, EventLine) else None


def line_number(item: Any) -> int | None:
    """Return the number of a line of NDJSON, where it is known."""
    if is_encoded(item):
        return item[2] if item[0] is LINE else None
    return item.line if isinstance(item, EventLine) else None


def checked(items: Sequence[Any]) -> Sequence[EncodedEvent] | None:
    """Return items of which each is a checked event; None if one is not."""
    return items if all(type(item) is tuple and len(item) == _PARTS and item[0] is CHECKED for item in items) else None


def decoded(item: Any) -> EventLike:
    """Return an item as a caller sees it."""
    if not is_encoded(item):
        return item  # type: ignore[no-any-return]  # it is an event of another kind
    kind, data, third = item
    return EventLine(data=data, line=third) if kind is LINE else BotEvent.from_fields(codec.loads(data))


def all_decoded(items: Iterable[Any]) -> tuple[EventLike, ...]:
    """Return items as a caller sees them."""
    return tuple(map(decoded, items))
