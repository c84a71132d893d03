"""The hot path of a bulk run: a batch is checked and encoded in few passes of C, not event by event.

It takes batches of one kind in which every event is sound, and returns None for any other: those are checked by
`faults_of` and encoded by `encode_batch`, several times slower, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from operator import attrgetter, is_
from types import NoneType
from typing import Any

from attrs import evolve, frozen

from omnivery import codec
from omnivery.events.encoded import CHECKED, LINE, CheckedBlock, LineBlock
from omnivery.events.event import BotEvent, EventLike, EventLine, wire_of
from omnivery.events.ip_address import are_addresses
from omnivery.events.sound_lines import ids_of_sound


@frozen(kw_only=True, eq=False)
class Prepared:
    """A batch of sound events."""

    body: bytes
    """The JSON body of its request."""
    ids: Iterable[str]
    """The events' ids, to be iterated once: only a journal does."""
    lines: Sequence[int] | None = None
    """The numbers of their lines, where they have one."""


def prepared(items: Sequence[EventLike], webhook_url: str) -> Prepared | None:
    """Check and encode a batch; None if it must be looked at event by event."""
    kinds = {type(items)} if isinstance(items, LineBlock | CheckedBlock) else {*map(type, items)}
    if len(kinds) != 1:
        return None
    try:
        return _BY_KIND[kinds.pop()](items, webhook_url)
    # Whatever is the matter with an event, `fault_of` finds the words for it.
    except (LookupError, TypeError, ValueError, OSError, RecursionError):
        return None


def spliced(events: Sequence[bytes], webhook_url: str) -> bytes:
    """Return the body of a batch, given the JSON of its events, of which there is at least one."""
    # One join: each further copy of a body takes as long as the checks of a hundred events.
    parts = [*events]
    parts[0] = b"%b%b" % (_start(webhook_url), parts[0])
    parts[-1] += _END
    return b",".join(parts)


def plain_form(value: Any) -> Any:
    """Convert values that JSON does not know: mappings of any kind, numpy's integers.

    Raises:
        TypeError: it has no JSON form.
    """
    if isinstance(value, Mapping):
        return dict(value)
    return value.__index__() if hasattr(value, "__index__") else codec.refuse(value)


def _of_mappings(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    ids = [item["event_id"] for item in items]
    try:
        times = [item["ts"] for item in items] + [item["message_ts"] for item in items]
    except KeyError:
        times = [item.get("ts") for item in items] + [item.get("message_ts") for item in items]
    if not (
        _are_texts(ids)
        and _are_texts([item["uas"] for item in items])
        and _TIMES.issuperset(map(type, times))
        and are_addresses([item["ip"] for item in items])
    ):
        return None
    body = codec.dumps({"webhook_url": webhook_url, "events": items}, default=plain_form)
    return Prepared(body=body, ids=ids)


def _of_events(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    return _of_mappings([*map(wire_of, items)], webhook_url)


def _of_bytes(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    body = spliced(items, webhook_url)
    ids = ids_of_sound(items, body)
    return None if ids is None else Prepared(body=body, ids=ids)


def _of_lines(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    found = _of_bytes([*map(_DATA, items)], webhook_url)
    return found and evolve(found, lines=[*map(_LINE, items)])


def _of_tuples(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    kinds, data, third = zip(*items, strict=True)
    # By identity: an object of the caller's may be equal to anything.
    if all(map(is_, kinds, repeat(CHECKED))):
        return Prepared(body=spliced(data, webhook_url), ids=third)
    found = _of_bytes(data, webhook_url) if all(map(is_, kinds, repeat(LINE))) else None
    return found and evolve(found, lines=third)


def _of_block(block: Any, webhook_url: str) -> Prepared | None:
    return Prepared(
        body=_enclosed(memoryview(block.text.replace(b"\n", b","))[:-1], webhook_url),
        ids=block.ids,
        lines=range(block.first, block.first + len(block)),
    )


def _of_checked(block: Any, webhook_url: str) -> Prepared | None:
    return Prepared(body=_enclosed(",".join(block.texts).encode(), webhook_url), ids=block.ids)


def _enclosed(events: bytes | memoryview, webhook_url: str) -> bytes:
    return b"".join((_start(webhook_url), events, _END))


@lru_cache(maxsize=8)
def _start(webhook_url: str) -> bytes:
    """What stands before the events in a body."""
    return b'{"webhook_url":%b,"events":[' % codec.dumps(webhook_url)


def _are_texts(values: Sequence[Any]) -> bool:
    # join() raises a TypeError for what is no text, in half the time that a set of the types takes.
    return bool("".join(values)) and all(values)


_END = b"]}"
_TIMES = frozenset((int, NoneType))
_DATA, _LINE = attrgetter("data"), attrgetter("line")
_BY_KIND = {
    BotEvent: _of_events,
    dict: _of_mappings,
    bytes: _of_bytes,
    EventLine: _of_lines,
    tuple: _of_tuples,
    LineBlock: _of_block,
    CheckedBlock: _of_checked,
}
