"""Signatures that were changed after signing: what they were, where that can be found."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from attrs import evolve, frozen

from omnivery.webhooks.signature import DIGITS, Signature, digest_of

SEARCH = 21_600
"""Seconds around a timestamp in which the one that was signed is looked for: less than a tenth of a second of work."""
CLOCK_SKEW = 600
"""Seconds that an event's timestamp may be ahead of its call's."""


@frozen(kw_only=True)
class Original:
    """What a signature fits in place of what it came with."""

    words: str
    """The token that it fits; empty if it fits another timestamp."""
    timestamp: int | None = None
    """The timestamp that it fits."""


def find_original(signature: Signature, fields: Mapping[str, Any], key: bytes) -> Original | None:
    """Look for the timestamp or token that was signed; None if none of those that were tried fits.

    Args:
        signature: as received.
        fields: the body, for the time of its events.
        key: the signing key.
    """
    received = signature.digest.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", received):
        return None
    for token, words in _tokens(signature.token):
        if hmac.compare_digest(digest_of(key, evolve(signature, token=token)), received):
            return Original(words=words)
    wanted, rest = bytes.fromhex(received), signature.token.encode("utf-8", "surrogatepass")
    for moment in _moments(signature, fields):
        if hmac.compare_digest(hmac.digest(key, b"%d" % moment + rest, "sha256"), wanted):
            return Original(words="", timestamp=moment)
    return None


def _tokens(token: str) -> Iterator[tuple[str, str]]:
    yield token.strip(), "the token without the blanks around it"
    yield token.lower(), "the token in lower case"
    yield token.upper(), "the token in upper case"


def _moments(signature: Signature, fields: Mapping[str, Any]) -> Iterator[int]:
    """Timestamps that may have been signed: near the one that is there, and near the events' own."""
    stated = int(signature.timestamp)
    yield stated // 1000  # milliseconds
    yield from range(max(0, stated - SEARCH), stated + SEARCH)
    for moment in _event_times(fields):
        yield from range(max(0, moment - CLOCK_SKEW), moment + SEARCH)


def _event_times(fields: Mapping[str, Any]) -> Iterator[int]:
    events: object = fields.get("events")
    last: list[object] = cast("list[object]", events)[-1:] if isinstance(events, list) else []
    for event, name in ((fields.get("event-data"), "timestamp"), *((event, "ts") for event in last)):
        moment = cast("Mapping[str, Any]", event).get(name) if isinstance(event, Mapping) else None
        if isinstance(moment, int | float) and 0 <= moment < 10**DIGITS:
            yield int(moment)
