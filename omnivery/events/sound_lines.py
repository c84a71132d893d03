"""Which lines of NDJSON are events that can be sent, of a whole batch at once: with msgspec, or with the codec."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

from omnivery.events.ip_address import are_addresses

Decode: TypeAlias = Callable[[bytes], Any]
"""Decodes one event. Only what is checked is made an object."""


def can_check_lines() -> bool:
    """Whether lines can be checked here: msgspec is installed (extra `fast`)."""
    return _decoder() is not None


def ids_of_sound(lines: Sequence[bytes], text: bytes) -> Iterable[str] | None:
    """Return the event ids of lines, to be iterated once; None if one of the lines may be no sound event.

    Without msgspec it is always None.

    Args:
        lines: the lines, with their line feeds or without.
        text: any that has all of these lines, with ASCII between them.
    """
    decode = _decoder()
    if decode is None:
        return None
    try:
        # The decoder passes over the members that it does not know, without a look at their text.
        if not text.isascii():
            text.decode()
        # Line by line: two that are no JSON cannot pass for one that is.
        events = [*map(decode, lines)]
        is_sound = are_addresses([*map(_IP, events)])
    except (ValueError, OSError, RecursionError):
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
    return Decoder(event).decode
