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


def to_wire(event: BotEvent) -> dict[str, Any]:  # noqa: C901  # one branch for each field
    """An event in the API's own names: fields that are set, and the own attributes beside them."""
    # Written out, because a loop over the fields takes twice as long, and this is the hottest code of the SDK.
    wire: dict[str, Any] = {}
    if (value := event.ip) is not None:
        wire["ip"] = value
    if (value := event.uas) is not None:
        wire["uas"] = value
    if (value := event.event_id) is not None:
        wire["event_id"] = value
    if (value := event.action) is not None:
        wire["action"] = value
    if (value := event.domain) is not None:
        wire["domain"] = value
    if (value := event.recipient_id) is not None:
        wire["recipient_id"] = value
    if (value := event.message_id) is not None:
        wire["message_id"] = value
    if (moment := event.ts) is not None:
        wire["ts"] = moment
    if (moment := event.message_ts) is not None:
        wire["message_ts"] = moment
    if event.attributes:
        wire.update(event.attributes)
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
