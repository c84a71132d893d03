"""Events as they were when they were handed over, whatever the caller does to them afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from omnivery.events.event import BotEvent, EventLike


def snapshot(event: EventLike) -> EventLike:
    """Return an event that its caller cannot change any more.

    Generators often yield one dict again and again with other values, and services reuse objects.
    """
    kind = type(event)
    if kind is dict:
        return _copied(event)  # type: ignore[arg-type]  # it is a dict
    if kind is BotEvent:
        return _copied_event(event)  # type: ignore[arg-type]  # it is a BotEvent
    return dict(event) if isinstance(event, Mapping) else event


def _copied_event(event: BotEvent) -> BotEvent:
    # Written out: this runs for each event, and copy.copy() takes ten times as long.
    again = _new(BotEvent)
    again.ip, again.uas, again.event_id = event.ip, event.uas, event.event_id
    again.action, again.domain, again.recipient_id = event.action, event.domain, event.recipient_id
    again.message_id, again.ts, again.message_ts = event.message_id, event.ts, event.message_ts
    attributes = event.attributes
    again.attributes = _copied(attributes) if type(attributes) is dict else attributes
    return again


def _copied(mapping: dict[str, Any]) -> dict[str, Any]:
    again = mapping.copy()
    if _CONTAINERS.isdisjoint(map(type, again.values())):
        return again
    try:
        return deepcopy(again)
    except Exception:  # noqa: BLE001  # what is wrong with the value is found out when the event is encoded
        return again


_new = object.__new__
_CONTAINERS = frozenset({dict, list, set, bytearray})
