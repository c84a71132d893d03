"""Encodes events as the body of one request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from socket import inet_pton
from typing import Any

from omnivery import codec
from omnivery.events.encoded import LINE, checked, is_encoded
from omnivery.events.event import (
    FIELD_NAMES,
    FIELDS,
    BotEvent,
    EventLike,
    EventLine,
    UnreadableLine,
)
from omnivery.events.ip_address import IPV4, plain_address
from omnivery.events.validation import fault_of


def encode_batch(events: Sequence[EventLike], webhook_url: str) -> bytes:
    """Encode one batch as JSON.

    Lines of NDJSON are copied unchanged, except that an IPv4-mapped `ip` becomes a plain IPv4 address, as in every
    other kind of event.

    Raises:
        TypeError: an event contains a value without a JSON form.
        ValueError: an event contains text that is not Unicode, or contains itself.
    """
    if (encoded := checked(events)) is not None:
        return _body([b",".join([event[1] for event in encoded])], webhook_url)
    body = _encode(events, webhook_url)
    # Searching the encoded bytes takes a hundredth of checking each event, and almost no batch has such an address.
    if _MAPPED_GROUP in body.lower():
        body = _encode([_unmapped(event) for event in events], webhook_url)
    return body


def _encode(events: Sequence[EventLike], webhook_url: str) -> bytes:
    kinds = {*map(type, events)}
    if kinds <= _USUAL_LINES:
        return _body([_encode_run(events, lines=True)], webhook_url)
    if not any(issubclass(kind, (*_LINES, tuple)) for kind in kinds):
        return codec.dumps({"webhook_url": webhook_url, "events": events}, default=wire_form)
    # Encode each run of equal kinds at once: encoding event by event takes twelve times as long.
    return _body([_encode_run(list(run), lines=lines) for lines, run in groupby(events, _is_line)], webhook_url)


def _body(runs: Sequence[bytes], webhook_url: str) -> bytes:
    return b'{"webhook_url":%b,"events":[%b]}' % (codec.dumps(webhook_url), b",".join(runs))


_MAPPED_GROUP = b":ffff:"
"""A part of every spelling of an IPv4-mapped address, in lower case."""


def _unmapped(event: Any) -> Any:
    """Return the event with a plain IPv4 address in place of an IPv4-mapped one."""
    if is_encoded(event):
        return (LINE, _unmapped_line(event[1]), event[2]) if event[0] is LINE else event
    if isinstance(event, BotEvent):
        return event  # wire_form() has done it
    if isinstance(event, Mapping):
        ip = event.get("ip")
        plain = plain_address(ip) if isinstance(ip, str) else ip
        return event if plain == ip else {**event, "ip": plain}
    if isinstance(event, EventLine):
        return EventLine(data=_unmapped_line(event.data), line=event.line)
    return _unmapped_line(event) if isinstance(event, bytes) else event


def _unmapped_line(data: bytes) -> bytes:
    # Only the value is replaced: parsing and serialising the whole line would change the spelling of its numbers.
    parsed = codec.loads(data)
    ip = parsed.get("ip") if isinstance(parsed, dict) else None
    plain = plain_address(ip) if isinstance(ip, str) else None
    if ip is None or plain is None or plain == ip:
        return data
    meant = {**parsed, "ip": plain}
    member = re.compile(rb'"ip"\s*+:\s*+("%b")' % re.escape(ip.encode()))
    for found in member.finditer(data):
        replaced = b'%b"%b"%b' % (data[: found.start(1)], plain.encode(), data[found.end(1) :])
        # A nested object may have the same member.
        if codec.loads(replaced) == meant:
            return replaced
    return codec.dumps(meant)  # it is spelled with escapes


def wire_form(value: Any) -> Any:
    """Convert objects in an event that JSON does not know: events, mappings of any kind, numpy's integers.

    Raises:
        TypeError: it has no JSON form.
        ValueError: it is an event that cannot be sent in a batch; `fault_of` says why.
    """
    if not isinstance(value, BotEvent):
        return _plain_form(value)
    # This is the hottest code of the SDK, so it is written out: a loop over the fields takes twice as long. It repeats
    # the checks of is_plainly_sound(), because a call of it would double the cost. It uses one dict display, because a
    # dict that grows key by key is resized three times.
    ip, uas, event_id, action, domain = value.ip, value.uas, value.event_id, value.action, value.domain
    recipient_id, message_id, ts, message_ts = value.recipient_id, value.message_id, value.ts, value.message_ts
    attributes = value.attributes
    try:
        inet_pton(IPV4, ip)  # type: ignore[arg-type]  # None raises a TypeError, which is caught
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
    if not plain:
        if fault_of(value):
            raise ValueError("the event cannot be sent")
        ip = plain_address(ip)  # type: ignore[arg-type]  # fault_of() refuses None
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
_USUAL_LINES = {EventLine, bytes, tuple}


def _is_line(item: EventLike) -> bool:
    return is_encoded(item) or isinstance(item, _LINES)


def _encode_run(run: Sequence[Any], *, lines: bool) -> bytes:
    if lines:
        return b",".join(
            [item[1] if type(item) is tuple else item if isinstance(item, bytes) else item.data for item in run]
        )
    return codec.dumps(run, default=wire_form)[1:-1]


def item_bytes(item: Any) -> bytes | None:
    """Return an item as JSON, or a line unchanged, valid or not; None for an item that has no JSON form."""
    if is_encoded(item):
        return item[1]  # type: ignore[no-any-return]  # all of them have bytes there
    if isinstance(item, EventLine | bytes):
        return item.data if isinstance(item, EventLine) else item
    if isinstance(item, UnreadableLine):
        return None
    fields = item
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
    try:
        return dict(value) if isinstance(value, Mapping) else repr(value)
    except Exception:  # noqa: BLE001  # the value's own code: a rejected event must not stop the journal
        return f"<{type(value).__name__}>"


def events_in(body: bytes) -> Iterator[bytes]:
    """Yield the bytes of each event in the body of a batch."""
    # The body is cut and not parsed, so that long numbers and escapes of lone surrogates keep their spelling.
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
