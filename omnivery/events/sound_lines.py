"""Which lines of NDJSON are events that can be sent, of a whole batch at once: with msgspec, or with the codec."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, TypeAlias

Decode: TypeAlias = Callable[[bytes], list[Any]]
"""Decodes an array of events and numbers. Only what is checked is made an object."""

SHORT = 1000
"""Bytes of a line that cannot nest more deeply than JSON may here."""


def sound_lines(lines: Sequence[bytes]) -> Sequence[Any] | None:
    """Return an object with `ip`, `uas` and `event_id` for each line; None if one of them may be no sound event.

    All is checked but whether `ip` is an address. Without msgspec the answer is always None.

    Raises:
        ValueError: a line is no such event.
    """
    decode = _decoder()
    if decode is None:
        return None
    # The mark between two lines is a number that nobody can foresee. So two lines that are no JSON cannot pass for one
    # that is, together with a line that holds two objects: the mark would be missing from its place.
    mark = secrets.randbits(62)
    text = b"[%b]" % (b",%d," % mark).join(lines)
    if max(map(len, lines)) > SHORT and text.count(b"{") + text.count(b"[") > len(lines) + SHORT:
        return None
    # The decoder passes over the members that it does not know, without a look at their text.
    if not text.isascii():
        text.decode()
    found = decode(text)
    events, marks = found[::2], found[1::2]
    is_one_a_line = len(found) == 2 * len(lines) - 1 and marks.count(mark) == len(marks)
    return events if is_one_a_line and int not in {*map(type, events)} else None


@cache
def _decoder() -> Decode | None:
    try:
        from msgspec import Meta, defstruct
        from msgspec.json import Decoder
    except ImportError:
        return None
    text = Annotated[str, Meta(min_length=1)]
    # Beyond 64 bits the codec makes a float of a whole number.
    whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    required: list[Any] = [("ip", text), ("uas", text), ("event_id", text)]
    times: list[Any] = [("ts", whole | None, None), ("message_ts", whole | None, None)]
    event: Any = defstruct("SoundEvent", required + times, gc=False)
    return Decoder(list[event | int]).decode
