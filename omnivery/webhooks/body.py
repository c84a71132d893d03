"""The body of a webhook call as JSON. Damaged text in it is repaired, so that the rest can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeAlias, cast

from attrs import field, frozen

from omnivery.codec import loads_received

Payload: TypeAlias = bytes | str | Mapping[str, Any]
"""A webhook call's body: as received, or parsed already."""

DAMAGED = "\N{REPLACEMENT CHARACTER}"
"""Stands in repaired text for each byte or escape sequence that is not Unicode."""
# A pair of surrogates, one half alone, or any other escape: the last alternative keeps "\\ud800" apart, which is a
# backslash and five characters.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL)

_HALF = re.compile("[\ud800-\udfff]")


@frozen(kw_only=True)
class Decoded:
    """A body that was read."""

    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    """The JSON object; None if the body is not one."""
    repaired: bool = False
    """Whether the body was not strict JSON: some of its text may be `DAMAGED`."""


def decode(body: Payload) -> Decoded:
    """Read a body. Never raises: a JSON error carries the whole body, and exceptions raised from it would show it."""
    if isinstance(body, bytearray | memoryview):
        body = bytes(body)
    if not isinstance(body, bytes | str):
        return Decoded(payload=_object(body))
    try:
        return Decoded(payload=_object(loads_received(body)))
    except ValueError:
        return Decoded(payload=_repaired(body), repaired=True)


def _object(value: object) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def _repaired(body: bytes | str) -> Mapping[str, Any] | None:
    """Read what other JSON writers produce: broken UTF-8, halves of surrogate pairs, control characters, NaN."""
    with suppress(ValueError, RecursionError):
        text = body if isinstance(body, str) else body.decode(json.detect_encoding(body), "replace")
        text = text.removeprefix("\ufeff")
        text = _ESCAPE.sub(lambda escape: "\\ufffd" if escape["half"] else escape[0], text)
        return _object(json.loads(_HALF.sub(DAMAGED, text), strict=False, parse_int=_number))
    return None


def _number(digits: str) -> int | float:
    # int() refuses thousands of digits, and the strict reader makes floats of integers beyond 64 bits.
    number = float(digits)
    return int(digits) if abs(number) < 2**63 else number
