"""Checks whether events can be sent. It runs before a batch is sent, so that one bad event does not fail the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omnivery import codec
from omnivery.events.encoded import LINE, is_encoded, line_in
from omnivery.events.event import (
    UNSENDABLE,
    BotEvent,
    EventLike,
    EventLine,
    UnreadableLine,
    wire_of,
)
from omnivery.events.ip_address import is_address


def faults_of(items: Sequence[EventLike]) -> list[str | None]:
    """`fault_of` for a whole batch."""
    return [fault_of(item) for item in items]


def fault_of(item: Any) -> str | None:  # noqa: PLR0911  # one for each kind of item
    """Return why an item cannot be sent in a batch; None if it can. The reason contains nothing of the item.

    `ip` is required and must be an IP address. `uas` and `event_id` are required and must be text. `ts` and
    `message_ts` must be whole numbers if they are given. Empty text counts as missing, because the API does not
    document it.
    """
    # The kinds with most events a second come first.
    if is_encoded(item):
        return _line_fault(item[1]) if item[0] is LINE else None
    if isinstance(item, BotEvent | Mapping):
        if isinstance(item, BotEvent) and (fault := _attributes_fault(item)):
            return fault
        get = (wire_of(item) if isinstance(item, BotEvent) else item).get
        return _fault(get("ip"), get("uas"), get("event_id"), get("ts"), get("message_ts"))
    if isinstance(item, EventLine):
        return _line_fault(item.data)
    if isinstance(item, bytes):
        return _line_fault(item)
    if isinstance(item, UnreadableLine):
        return item.reason
    return f"{type(item).__name__} is not an event: pass a BotEvent, a mapping, or one line of NDJSON as bytes"


def single_fault_of(event: BotEvent | Mapping[str, Any]) -> str | None:
    """Return why an event cannot be sent as a single check; None if it can. A check needs `ip` or `uas`."""
    if isinstance(event, BotEvent) and (fault := _attributes_fault(event)):
        return fault
    fields = wire_of(event) if isinstance(event, BotEvent) else event
    ip, uas = fields.get("ip") or None, fields.get("uas") or None
    if ip is None and uas is None:
        return "a check needs `ip` or `uas`, and neither is given"
    if ip is not None and not (isinstance(ip, str) and is_address(ip)):
        return "ip is not an IPv4 or IPv6 address"
    if "webhook_url" in fields:
        return "webhook_url is an argument of its own, not a field of the event"
    return None if all(isinstance(name, str) for name in fields) else "the names of an event's fields must be text"


def event_id_of(item: Any) -> str | None:
    """Return an item's event id, if it has one that can be read."""
    found: Any
    if isinstance(item, BotEvent):
        found = item.event_id
    elif isinstance(item, Mapping):
        found = item.get("event_id")
    elif is_encoded(item) and item[0] is not LINE:
        found = item[2]
    elif (data := line_in(item)) is not None:
        parsed = _parsed(data)
        found = parsed.get("event_id") if isinstance(parsed, dict) else None
    else:
        found = None
    return found if isinstance(found, str) else None


def _attributes_fault(event: BotEvent) -> str | None:
    if UNSENDABLE not in wire_of(event):
        return None
    return "attributes must be a mapping, and none may have the name of an event's own field"


def _fault(ip: Any, uas: Any, event_id: Any, ts: Any, message_ts: Any) -> str | None:
    if not (isinstance(ip, str) and isinstance(uas, str) and isinstance(event_id, str) and ip and uas and event_id):
        return _missing({"ip": ip, "uas": uas, "event_id": event_id})
    if (ts is not None and type(ts) is not int) or (message_ts is not None and type(message_ts) is not int):
        wrong = [name for name, value in (("ts", ts), ("message_ts", message_ts)) if not _is_whole(value)]
        if wrong:
            return f"{wrong[0]} must be a whole number of unix seconds"
    return None if is_address(ip) else "ip is not an IPv4 or IPv6 address"


def _missing(required: dict[str, Any]) -> str:
    for name, value in required.items():
        if value is None or value == "":
            hint = "; send `-` if the client sent none" if name == "uas" and value == "" else ""
            return f"no {name}{hint}"
    wrong = [name for name, value in required.items() if not isinstance(value, str)]
    return f"{wrong[0]} must be text"


def _is_whole(value: Any) -> bool:
    # numpy's integers have __index__, but are not instances of int.
    return value is None or (hasattr(value, "__index__") and not isinstance(value, bool))


def _line_fault(data: bytes) -> str | None:
    parsed = _parsed(data)
    if isinstance(parsed, dict):
        return fault_of(parsed)
    if not data.strip():
        return "blank line"
    return "not JSON" if parsed is None else "not a JSON object"


def _parsed(data: bytes) -> Any:
    try:
        return codec.loads_unlimited(data)
    except ValueError:
        return None


def faults_and_ids(items: Sequence[EventLike]) -> tuple[list[str | None], list[str | None]]:
    """Return `faults_of` and the event ids of a batch. Each line of NDJSON is parsed only once."""
    faults: list[str | None] = []
    ids: list[str | None] = []
    for item, view in zip(items, map(_view, items), strict=True):
        if type(view) is dict:
            faults.append(fault_of(view))
            ids.append(view.get("event_id"))
        else:
            faults.append(fault_of(item))
            ids.append(event_id_of(item))
    return faults, ids


def _view(item: EventLike) -> EventLike:
    """Return the mapping in a line; another item, or a line without a mapping, unchanged."""
    data = line_in(item)
    parsed = None if data is None else _parsed(data)
    return parsed if type(parsed) is dict else item
