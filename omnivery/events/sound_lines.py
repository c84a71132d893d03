"""Which lines of NDJSON are events that can be sent, of a whole batch at once: with msgspec, or with the codec."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

from omnivery.events.ip_address import are_addresses

Decode: TypeAlias = Callable[[bytes], list[Any]]
"""Decodes events and numbers, one after the other. Only what is checked is made an object."""


def can_check_lines() -> bool:
    """Whether lines can be checked here: msgspec is installed (extra `fast`)."""
    return _decoder() is not None


def new_mark() -> bytes:
    """Return the mark to put behind each line: a number that cannot be foreseen.

    So two lines that are no JSON cannot pass for one that is, together with a line that holds two objects: a mark would
    be missing from its place.
    """
    return b"\n%d\n" % secrets.randbits(62)


def ids_of_sound(lines: Sequence[bytes]) -> Iterable[str] | None:
    """Return the event ids of lines, to be iterated once; None if one of the lines may be no sound event.

    Without msgspec it is always None.
    """
    mark = new_mark()
    return ids_in_sound(mark.join([*lines, b""]), mark, len(lines))


def ids_in_sound(text: bytes, mark: bytes, count: int) -> Iterable[str] | None:
    """`ids_of_sound` of so many lines in a text, with a mark behind each."""
    decode = _decoder()
    if decode is None:
        return None
    try:
        # The decoder passes over the members that it does not know, without a look at their text.
        if not text.isascii():
            text.decode()
        found = decode(text)
        events = found[::2]
        is_one_a_line = len(found) == 2 * count and found[1::2].count(int(mark)) == count
        # A line that is a number is one a line, too, but has no `ip`.
        is_sound = is_one_a_line and are_addresses([*map(_IP, events)])
    except (AttributeError, ValueError, OSError, RecursionError):
        return None
    return map(_EVENT_ID, events) if is_sound else None


_IP, _EVENT_ID = attrgetter("ip"), attrgetter("event_id")


@cache
def _decoder() -> Decode | None:
    try:
        from msgspec import Meta, defstruct
        from msgspec.json import Decoder
    except ImportError:
        return None
    text: Any = Annotated[str, Meta(min_length=1)]
    # Beyond 64 bits the codec makes a float of a whole number.
    whole: Any = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    required: list[Any] = [("ip", text), ("uas", text), ("event_id", text)]
    times: list[Any] = [("ts", whole | None, None), ("message_ts", whole | None, None)]
    event: Any = defstruct("SoundEvent", required + times, gc=False)
    return Decoder(event | int).decode_lines
