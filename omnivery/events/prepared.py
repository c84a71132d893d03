"""The hot path of a bulk run: a batch is checked and encoded in few passes of C, not event by event.

It takes batches of one kind in which every event is sound, and returns None for any other: those are checked by
`faults_of` and encoded by `encode_batch`, several times slower, with the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import attrgetter, is_
from socket import inet_pton
from types import NoneType
from typing import Any

from attrs import evolve, frozen

from omnivery import codec
from omnivery.events.encoded import CHECKED, LINE, LineBlock
from omnivery.events.event import FIELDS, BotEvent, EventLike, EventLine
from omnivery.events.ip_address import IPV4, IPV6, MAPPED_GROUP
from omnivery.events.sound_lines import sound_lines


@frozen(kw_only=True, eq=False)
class Prepared:
    """A batch of sound events."""

    body: bytes
    """The JSON body of its request."""
    ids: Sequence[str]
    """The events' ids."""
    lines: Sequence[int] | None = None
    """The numbers of their lines, where they have one."""


def prepared(items: Sequence[EventLike], webhook_url: str) -> Prepared | None:
    """Check and encode a batch; None if it must be looked at event by event."""
    kinds = {LineBlock} if isinstance(items, LineBlock) else {*map(type, items)}
    if len(kinds) != 1:
        return None
    try:
        return _BY_KIND[kinds.pop()](items, webhook_url)
    # Whatever is the matter with an event, `fault_of` finds the words for it.
    except (LookupError, TypeError, ValueError, OSError, RecursionError):
        return None


def spliced(events: bytes | memoryview, webhook_url: str) -> bytes:
    """Return the body of a batch, given the JSON of its events, with commas between them."""
    return b"".join((b'{"webhook_url":', codec.dumps(webhook_url), b',"events":[', events, b"]}"))


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
        and _are_addresses([item["ip"] for item in items])
    ):
        return None
    body = codec.dumps({"webhook_url": webhook_url, "events": items}, default=plain_form)
    return Prepared(body=body, ids=ids)


def _of_events(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    ids = [item.event_id for item in items]
    if not (
        _are_texts(ids) and _are_texts([item.uas for item in items]) and _are_addresses([item.ip for item in items])
    ):
        return None
    # Both are right for any event. The first one stands for all: the events of a source mostly have the same fields.
    form = _sparse_form if NoneType in map(type, _MEMBERS(items[0])) else _full_form
    return Prepared(body=codec.dumps({"webhook_url": webhook_url, "events": items}, default=form), ids=ids)


def _full_form(event: Any) -> dict[str, Any]:
    """Check an event and return what is sent of it, quickest if all of it is set: the one call of Python for it.

    Setting all members of the mapping at once is what saves time. Any other event is left to `_sparse_form`.

    Raises:
        ValueError: the event is not sound.
    """
    if type(event) is BotEvent and type(own := event.attributes) is dict:
        wire = {
            "ip": event.ip,
            "uas": event.uas,
            "event_id": event.event_id,
            "action": (action := event.action),
            "domain": (domain := event.domain),
            "recipient_id": (recipient_id := event.recipient_id),
            "message_id": (message_id := event.message_id),
            "ts": (ts := event.ts),
            "message_ts": (message_ts := event.message_ts),
            **own,
        }
        if (
            action is not None
            and domain is not None
            and recipient_id is not None
            and message_id is not None
            and type(ts) is type(message_ts) is int
            and len(wire) == _FIELD_COUNT + len(own)  # else an own attribute has a field's name
        ):
            return wire
    return _sparse_form(event)


def _sparse_form(event: Any) -> dict[str, Any]:  # noqa: C901  # a loop over the fields takes twice as long
    """Check an event and return what is sent of it, quickest if some of it is None: the one call of Python for it.

    Raises:
        ValueError: the event is not sound.
    """
    if type(event) is not BotEvent:
        return plain_form(event)  # type: ignore[no-any-return]  # it is a value in an attribute
    wire: dict[str, Any] = {"ip": event.ip, "uas": event.uas, "event_id": event.event_id}
    if (action := event.action) is not None:
        wire["action"] = action
    if (domain := event.domain) is not None:
        wire["domain"] = domain
    if (recipient_id := event.recipient_id) is not None:
        wire["recipient_id"] = recipient_id
    if (message_id := event.message_id) is not None:
        wire["message_id"] = message_id
    if (ts := event.ts) is not None:
        if type(ts) is not int:
            raise ValueError
        wire["ts"] = ts
    if (message_ts := event.message_ts) is not None:
        if type(message_ts) is not int:
            raise ValueError
        wire["message_ts"] = message_ts
    if (own := event.attributes) is None:
        return wire
    if type(own) is dict:
        size = len(wire) + len(own)
        wire |= own
        if len(wire) == size:
            return wire
    raise ValueError


def _of_bytes(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    found = sound_lines(items)
    if found is None or not _are_addresses([*map(_IP, found)]):
        return None
    return Prepared(body=spliced(b",".join(items), webhook_url), ids=[*map(_EVENT_ID, found)])


def _of_lines(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    found = _of_bytes([*map(_DATA, items)], webhook_url)
    return found and evolve(found, lines=[*map(_LINE, items)])


def _of_tuples(items: Sequence[Any], webhook_url: str) -> Prepared | None:
    kinds, data, third = zip(*items, strict=True)
    # By identity: an object of the caller's may be equal to anything.
    if all(map(is_, kinds, repeat(CHECKED))):
        return Prepared(body=spliced(b",".join(data), webhook_url), ids=third)
    found = _of_bytes(data, webhook_url) if all(map(is_, kinds, repeat(LINE))) else None
    return found and evolve(found, lines=third)


def _of_block(block: Any, webhook_url: str) -> Prepared | None:
    if not _are_addresses([*map(_IP, block.events)]):
        return None
    return Prepared(
        body=spliced(memoryview(block.text.replace(b"\n", b","))[:-1], webhook_url),
        ids=[*map(_EVENT_ID, block.events)],
        lines=range(block.first, block.first + len(block)),
    )


def _are_texts(values: Sequence[Any]) -> bool:
    # join() raises a TypeError for what is no text, in half the time that a set of the types takes.
    return bool("".join(values)) and all(values)


def _are_addresses(ips: Sequence[Any]) -> bool:
    """Whether all are addresses in the form that is sent: of IPv4, or of IPv6 and not IPv4-mapped."""
    try:
        return all(map(inet_pton, repeat(IPV4), ips))
    except OSError:
        long = [ip for ip in ips if ":" in ip]
    all(map(inet_pton, repeat(IPV6), long))
    all(map(inet_pton, repeat(IPV4), [ip for ip in ips if ":" not in ip]))
    return MAPPED_GROUP not in "\n".join(long).lower()


_TIMES = frozenset((int, NoneType))
_FIELD_COUNT, _MEMBERS = len(FIELDS), attrgetter(*FIELDS, "attributes")
_IP, _EVENT_ID = attrgetter("ip"), attrgetter("event_id")
_DATA, _LINE = attrgetter("data"), attrgetter("line")
_BY_KIND = {
    BotEvent: _of_events,
    dict: _of_mappings,
    bytes: _of_bytes,
    EventLine: _of_lines,
    tuple: _of_tuples,
    LineBlock: _of_block,
}
