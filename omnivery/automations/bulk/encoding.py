"""From events to the body of one request, in a single pass over the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from omnivery import codec
from omnivery.automations.event import BotEvent, EventLike, EventLine


def encode_batch(events: Sequence[EventLike], webhook_url: str) -> bytes:
    """The JSON body of one batch. Lines of NDJSON go in as the bytes they are.

    Raises:
        TypeError: an event holds a value without a JSON form.
        ValueError: an event holds text that is not Unicode, or contains itself.
    """
    if not any(issubclass(kind, _LINES) for kind in set(map(type, events))):
        return codec.dumps({"webhook_url": webhook_url, "events": events}, default=wire_form)
    # Whole runs at a time: encoding event by event takes twelve times as long.
    runs = [_encode_run(list(run), lines=lines) for lines, run in groupby(events, _is_line)]
    return b'{"webhook_url":%b,"events":[%b]}' % (codec.dumps(webhook_url), b",".join(runs))


def to_wire(event: BotEvent) -> dict[str, Any]:
    """An event in the API's own names: fields that are set, and the own attributes beside them."""
    # Written out, because a loop over the fields takes twice as long, and this is the hottest code of the SDK.
    ip, uas, event_id = event.ip, event.uas, event.event_id
    action, domain, recipient_id, message_id = event.action, event.domain, event.recipient_id, event.message_id
    ts, message_ts, attributes = event.ts, event.message_ts, event.attributes
    wire: dict[str, Any] = {"ip": ip, "uas": uas, "event_id": event_id}
    if ip is None or uas is None or event_id is None:  # only an event that is checked by itself
        wire = {name: value for name, value in wire.items() if value is not None}
    if action is not None:
        wire["action"] = action
    if domain is not None:
        wire["domain"] = domain
    if recipient_id is not None:
        wire["recipient_id"] = recipient_id
    if message_id is not None:
        wire["message_id"] = message_id
    if ts is not None:
        wire["ts"] = ts
    if message_ts is not None:
        wire["message_ts"] = message_ts
    if attributes:
        wire.update(attributes)
    return wire


def wire_form(value: Any) -> Any:
    """What JSON does not know by itself in an event: events, mappings of any kind, numpy's integers.

    Raises:
        TypeError: it has no JSON form.
    """
    if type(value) is BotEvent or isinstance(value, BotEvent):  # nearly always the first, which is quicker
        return to_wire(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value.__index__() if hasattr(value, "__index__") else codec.refuse(value)


_LINES = (EventLine, bytes)


def _is_line(item: EventLike) -> bool:
    return isinstance(item, _LINES)


def _encode_run(run: list[EventLike], *, lines: bool) -> bytes:
    if lines:
        return b",".join([item.data if isinstance(item, EventLine) else item for item in run])  # type: ignore[misc]
    return codec.dumps(run, default=wire_form)[1:-1]
