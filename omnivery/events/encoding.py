"""From events to the body of one request, in a single pass over the batch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from socket import inet_pton
from typing import Any

from omnivery import codec
from omnivery.events.event import (
    FIELD_NAMES,
    FIELDS,
    BotEvent,
    EventLike,
    EventLine,
    UnreadableLine,
)
from omnivery.events.validation import IPV4, fault_of


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


def wire_form(value: Any) -> Any:  # one branch for each field
    """What JSON does not know by itself in an event: events, mappings of any kind, numpy's integers.

    Raises:
        TypeError: it has no JSON form.
        ValueError: it is an event that cannot be sent in a batch; `fault_of` knows why.
    """
    if not isinstance(value, BotEvent):
        return _plain_form(value)
    # This is the hottest code of the SDK. So it is written out, since a loop over the fields takes twice as long; it
    # checks what it has in hand, as is_plainly_sound() does, since to read and to call once more costs as much again;
    # and it starts from one dict display, since a dict that grows key by key is built three times over.
    ip, uas, event_id, action, domain = value.ip, value.uas, value.event_id, value.action, value.domain
    recipient_id, message_id, ts, message_ts = value.recipient_id, value.message_id, value.ts, value.message_ts
    attributes = value.attributes
    try:
        inet_pton(IPV4, ip)  # type: ignore[arg-type]  # TypeError for None is one of the answers
        plain = (
            type(uas) is str
            and uas
            and type(event_id) is str
            and event_id
            and (ts is None or type(ts) is int)
            and (message_ts is None or type(message_ts) is int)
            and (attributes is None or (type(attributes) is dict and FIELD_NAMES.isdisjoint(attributes)))
        )
    except (OSError, ValueError, TypeError):
        plain = False
    if not plain and fault_of(value):
        raise ValueError("the event cannot be sent")
    wire: dict[str, Any] = {
        "ip": ip,
        "uas": uas,
        "event_id": event_id,
        "action": action,
        "domain": domain,
        "recipient_id": recipient_id,
        "message_id": message_id,
        "ts": ts,
        "message_ts": message_ts,
    }
    if (
        action is None
        or domain is None
        or recipient_id is None
        or message_id is None
        or ts is None
        or message_ts is None
    ):
        wire = {name: field for name, field in wire.items() if field is not None}
    if attributes:
        wire.update(attributes)
    return wire


def _plain_form(value: Any) -> Any:
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


def item_bytes(item: EventLike) -> bytes | None:
    """An item as JSON, or as the line that it is, whatever is wrong with it; None where it cannot be written."""
    if isinstance(item, EventLine | bytes):
        return item.data if isinstance(item, EventLine) else item
    if isinstance(item, UnreadableLine):
        return None
    fields: Any = item
    if isinstance(item, BotEvent):
        fields = {name: value for name in FIELDS if (value := getattr(item, name)) is not None}
        fields |= (
            {"attributes": item.attributes}
            if item.attributes and FIELD_NAMES & {*item.attributes}
            else (item.attributes or {})
        )
    try:
        return codec.dumps(fields, default=_whatever)
    except (TypeError, ValueError, RecursionError):
        return None


def _whatever(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else repr(value)


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
