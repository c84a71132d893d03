"""Which lines of NDJSON are events that can be sent, of a whole batch at once: with msgspec, or with the codec."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, TypeAlias

Decode: TypeAlias = Callable[[bytes], list[Any]]
"""Decodes events and numbers, one after the other. Only what is checked is made an object."""


def can_check_lines() -> bool:
    """Whether lines can be checked here: msgspec is installed (extra `fast`)."""
    return _decoder() is not None


def new_mark() -> bytes:
    """Return what to put behind each line: a number that nobody can foresee.

    So two lines that are no JSON cannot pass for one that is, together with a line that holds two objects: a mark would
    be missing from its place.
    """
    return b"\n%d\n" % secrets.randbits(62)


def sound_lines(lines: Sequence[bytes]) -> Sequence[Any] | None:
    """Return an object with `ip` and `event_id` for each line; None if one of them may be no sound event.

    All is checked but whether `ip` is an address. A line that is a number is one, without `ip`. Without msgspec it is
    always None.
    """
    mark = new_mark()
    return sound_events(mark.join([*lines, b""]), mark, len(lines))


def sound_events(text: bytes, mark: bytes, count: int) -> Sequence[Any] | None:
    """`sound_lines` of so many lines in a text, with a mark behind each."""
    decode = _decoder()
    if decode is None:
        return None
    try:
        # The decoder passes over the members that it does not know, without a look at their text.
        if not text.isascii():
            text.decode()
        found = decode(text)
    except (ValueError, RecursionError):
        return None
    is_one_a_line = len(found) == 2 * count and found[1::2].count(int(mark)) == count
    return found[::2] if is_one_a_line else None


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
