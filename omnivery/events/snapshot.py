"""Copies of events, which the caller's later changes do not affect."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy, deepcopy
from types import NoneType
from typing import Any

from omnivery.events.event import BotEvent, EventLike


def snapshot(event: EventLike) -> EventLike:
    """Return a copy of an event.

    Generators often yield one dict again and again with other values, and services reuse objects. An event that cannot
    be copied is returned itself: its encoding then finds the fault.
    """
    kind = type(event)
    if kind is BotEvent:
        return _copied_event(event)  # type: ignore[arg-type]  # it is a BotEvent
    if kind is dict or isinstance(event, Mapping):
        return _copied_members(event)  # type: ignore[arg-type]  # it is a mapping
    if isinstance(event, BotEvent):
        again = copy(event)
        again.attributes = _copied_attributes(event.attributes)
        return again
    return event


def _copied_event(event: BotEvent) -> BotEvent:
    # Written out: this runs for each event, and copy.copy() takes ten times as long.
    again = _new(BotEvent)
    again.ip, again.uas, again.event_id = event.ip, event.uas, event.event_id
    again.action, again.domain, again.recipient_id = event.action, event.domain, event.recipient_id
    again.message_id, again.ts, again.message_ts = event.message_id, event.ts, event.message_ts
    again.attributes = attributes = event.attributes
    if attributes is not None:
        again.attributes = _copied_attributes(attributes)
    return again


def _copied_attributes(attributes: Any) -> Any:
    return _copied_members(attributes) if type(attributes) is dict or isinstance(attributes, Mapping) else attributes


def _copied_members(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        again = mapping.copy() if type(mapping) is dict else dict(mapping)
        if _CONSTANT.issuperset(map(type, again.values())):
            return again
        return {name: _copied(value) for name, value in again.items()}
    except Exception:  # noqa: BLE001  # a mapping or a value of the caller's own may raise anything
        return mapping


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _CONSTANT:
        return value
    # For JSON's own types deepcopy() takes five times as long.
    if kind is dict:
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(member) for member in value] if kind is list else deepcopy(value)


_new = object.__new__
_CONSTANT = frozenset({str, int, float, bool, bytes, NoneType})
