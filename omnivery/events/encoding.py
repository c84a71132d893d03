"""Encodes events as the body of one request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from omnivery import codec
from omnivery.events.encoded import LINE, is_encoded
from omnivery.events.event import UNSENDABLE, BotEvent, EventLike, EventLine, UnreadableLine, wire_of
from omnivery.events.ip_address import MAPPED_GROUP, plain_address
from omnivery.events.prepared import plain_form, spliced
from omnivery.events.validation import fault_of


def encode_batch(events: Sequence[EventLike], webhook_url: str) -> bytes:
    """Encode one batch as JSON, whatever it holds; see `prepared` for the usual ones.

    Lines of NDJSON are copied unchanged, except that an IPv4-mapped `ip` becomes a plain IPv4 address, as in every
    other kind of event.

    Raises:
        TypeError: an event contains a value without a JSON form.
        ValueError: an event cannot be sent, contains text that is not Unicode, or contains itself.
    """
    body = _encode(events, webhook_url)
    # Searching the encoded bytes takes a hundredth of checking each event, and almost no batch has such an address.
    if MAPPED_GROUP.encode() in body.lower():
        body = _encode([_unmapped(event) for event in events], webhook_url)
    return body


def _encode(events: Sequence[EventLike], webhook_url: str) -> bytes:
    # Encode each run of equal kinds at once: encoding event by event takes twelve times as long.
    runs = [_encode_run(list(run), lines=lines) for lines, run in groupby(events, _is_line)]
    return spliced(runs or [b""], webhook_url)


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
    parsed = codec.loads_unlimited(data)
    ip = parsed.get("ip") if isinstance(parsed, dict) else None
    plain = plain_address(ip) if isinstance(ip, str) else None
    if ip is None or plain is None or plain == ip:
        return data
    meant = {**parsed, "ip": plain}
    member = re.compile(rb'"ip"\s*+:\s*+("%b")' % re.escape(ip.encode()))
    for found in member.finditer(data):
        replaced = b'%b"%b"%b' % (data[: found.start(1)], plain.encode(), data[found.end(1) :])
        # A nested object may have the same member.
        if codec.loads_unlimited(replaced) == meant:
            return replaced
    return codec.dumps(meant)  # it is spelled with escapes


def wire_form(value: Any) -> Any:
    """Convert objects in an event that JSON does not know: events, mappings of any kind, numpy's integers.

    Raises:
        TypeError: it has no JSON form.
        ValueError: it is an event that cannot be sent in a batch; `fault_of` says why.
    """
    if not isinstance(value, BotEvent):
        return plain_form(value)
    if fault_of(value):
        raise ValueError("the event cannot be sent")
    fields = wire_of(value)
    return {**fields, "ip": plain_address(fields["ip"])}


_LINES = (EventLine, bytes)


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
        fields = {"attributes" if name is UNSENDABLE else name: value for name, value in wire_of(item).items()}
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
