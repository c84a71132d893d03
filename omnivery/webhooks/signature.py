"""Signatures of webhook calls: HMAC-SHA256 over timestamp and token, under the account's signing key."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from attrs import field, frozen

from omnivery.errors import ConfigError, SignatureError
from omnivery.webhooks.body import Payload, decode
from omnivery.webhooks.reasons import RefusalReason

TOLERANCE = 300
"""Default for the seconds by which a signature's timestamp may differ from this machine's clock, either way."""
DIGITS = 10
"""Digits of unix seconds from 2001 to 2286."""


def verify(payload: Payload, *keys: str | bytes, tolerance: float | None = TOLERANCE, now: float | None = None) -> bool:
    """Return whether a webhook call is signed with one of the keys, within the tolerance.

    The signature covers its timestamp and token only, **not the body**: it proves that the sender knows the key, not
    that nobody changed the events in transit. So accept calls over https only, and refuse tokens seen before, as
    `Receiver` does.

    No payload makes it raise. Comparison is in constant time, for every key.

    Args:
        payload: the body, or the `signature` object alone; bytes and text are read as JSON.
        keys: the account's signing key; several while it changes.
        tolerance: seconds by which the timestamp may lie in the past or in the future; None for any timestamp of ten
            digits, which those from 2001 to 2286 have.
        now: unix seconds to compare the timestamp with; the clock's when left out.

    Raises:
        ConfigError: no key was given; a key is empty, or holds blanks, line breaks or quotes; or the tolerance is not a
            number from 0 up.

    Source: https://github.com/omnivery/mautic-omnivery-plugin (branch mautic4, `verifyCallback`); RFC 2104.
    """
    try:
        check(decode(payload).payload, encode_keys(keys), tolerance=check_tolerance(tolerance), now=now)
    except SignatureError:
        return False
    return True


def sign(key: str | bytes, *, timestamp: int | str | None = None, token: str | None = None) -> dict[str, int | str]:
    """Make a `signature` object as the service would: for tests of your own receiver.

    Args:
        key: the signing key.
        timestamp: unix seconds; the clock's when left out. Text is kept as text.
        token: identifies the call; 32 random hexadecimal digits when left out.

    Raises:
        ConfigError: the key is not one, the token is empty, or the timestamp is not a whole number from 0 up.
    """
    moment = int(time.time()) if timestamp is None else timestamp
    unique = secrets.token_hex(16) if token is None else token
    signature = _read({"timestamp": moment, "token": unique, "signature": ""})
    if signature is None:
        raise ConfigError("sign() needs a timestamp in whole seconds from 0, and a token that is not empty")
    (secret,) = encode_keys([key])
    return {"timestamp": moment, "token": unique, "signature": digest_of(secret, signature)}


@frozen(kw_only=True)
class Signature:
    """The three parts of a signature, as received."""

    timestamp: str
    """Unix seconds: the digits that were signed, unchanged. Empty for an unsigned call."""
    token: str = field(repr=False)
    """Identifies the call."""
    digest: str = field(repr=False)
    """HMAC-SHA256 in hexadecimal digits."""

    @property
    def signed_at(self) -> int | None:
        """The timestamp as a number; None for an unsigned call."""
        return int(self.timestamp) if self.timestamp else None


def find(payload: Mapping[str, Any] | None) -> Signature | None:
    """Return a payload's signature, whether right or wrong; None if it has none."""
    if payload is None:
        return None
    inner: object = payload.get("signature")
    # In a body, `signature` is an object; in that object, the same name is the digest.
    return _read(cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else payload)


def unsigned(content: bytes) -> Signature:
    """Stand in for the signature of a call that has none: its token identifies equal bodies."""
    return Signature(timestamp="", token=f"sha256:{hashlib.sha256(content).hexdigest()}", digest="")


def encode_keys(keys: Sequence[str | bytes]) -> tuple[bytes, ...]:
    """Turn signing keys into bytes.

    Raises:
        ConfigError: no key was given; or one is empty, or holds blanks, line breaks or quotes.
    """
    if not keys or not all(isinstance(key, str | bytes) and key for key in keys):
        raise ConfigError("webhook signatures need at least one signing key: text or bytes, and none may be empty")
    if not all(_is_plausible(key) for key in keys):
        # As a file or an .env line holds it. Every call would be refused for a wrong signature.
        raise ConfigError("the signing key holds blanks, line breaks or quotes, which none has: copy it again, without")
    return tuple(key.encode() if isinstance(key, str) else key for key in keys)


QUOTES = frozenset("\"'`\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}")
"""What stands around a key that was copied out of a file or a text."""


def _is_plausible(key: str | bytes) -> bool:
    if isinstance(key, bytes):
        try:
            key = key.decode()
        except UnicodeDecodeError:
            return key.strip() == key
    return key.isprintable() and not any(map(str.isspace, key)) and not {key[0], key[-1]} & QUOTES


def check_tolerance(tolerance: float | None) -> float:
    """Return the tolerance in seconds; infinity for None.

    Raises:
        ConfigError: it is not a number from 0 up.
    """
    if tolerance is None:
        return math.inf
    if not isinstance(tolerance, int | float) or not tolerance >= 0:  # not "<": NaN must not pass
        raise ConfigError(f"tolerance must be a number of seconds from 0, or None for any age, not {tolerance!r}")
    return tolerance


def check(
    payload: Mapping[str, Any] | None, keys: Sequence[bytes], *, tolerance: float, now: float | None
) -> Signature:
    """Return a payload's signature once it has proved right and fresh.

    Raises:
        SignatureError: it is missing, wrong, too old or from the future; message and reason say which.
    """
    signature = find(payload)
    if signature is None:
        raise SignatureError(
            "the signature is missing: expected `timestamp`, `token` and `signature` in an object",
            reason=RefusalReason.SIGNATURE_MISSING,
        )
    # 1. Wrong. Comes first, so that only a sender who knows the key learns about our clock.
    received = signature.digest.lower().encode("utf-8", "surrogatepass")
    # Every key is compared, so that the time taken does not tell which one matched.
    matches = [hmac.compare_digest(digest_of(key, signature).encode(), received) for key in keys]
    if not any(matches):
        raise SignatureError("the signature is wrong: check the signing key", reason=RefusalReason.SIGNATURE_WRONG)
    # 2. Not of ten digits, where any age is tolerated. Nothing separates timestamp and token in what is signed, so a
    # digit that moves from one to the other leaves the signature right, and makes a token that was not seen before.
    digits = len(signature.timestamp)
    if tolerance == math.inf and digits != DIGITS:
        raise SignatureError(
            f"the signature is authentic, but its timestamp has {digits} digits, and unix seconds have {DIGITS}: "
            "somebody may have made it of another call's",
            reason=RefusalReason.SIGNATURE_OLD if digits < DIGITS else RefusalReason.SIGNATURE_AHEAD,
        )
    # 3. Too old; 4. or ahead of this machine's clock.
    age = (time.time() if now is None else now) - int(signature.timestamp)
    if not age <= tolerance:
        late = math.ceil(age - tolerance)
        raise SignatureError(
            f"the signature is authentic, but too old by {late} s, beyond the {tolerance} s that are tolerated: a "
            "late retry or a replay. A greater tolerance lets retries in",
            reason=RefusalReason.SIGNATURE_OLD,
        )
    if not -age <= tolerance:
        raise SignatureError(
            f"the signature is authentic, but {math.ceil(-age)} s in the future, and {tolerance} s are tolerated: "
            "check this machine's clock",
            reason=RefusalReason.SIGNATURE_AHEAD,
        )
    return signature


def _read(parts: Mapping[str, Any]) -> Signature | None:
    timestamp, token, digest = _digits(parts.get("timestamp")), parts.get("token"), parts.get("signature")
    if timestamp is None or not isinstance(token, str) or not token or not isinstance(digest, str):
        return None
    return Signature(timestamp=timestamp, token=token, digest=digest)


def _digits(timestamp: object) -> str | None:
    """The digits that were signed. A float has lost them, and a boolean never had any."""
    # At most 15 digits, far beyond any date: int(), str() and float arithmetic give up on huge numbers.
    if isinstance(timestamp, int) and not isinstance(timestamp, bool) and 0 <= timestamp < 10**15:
        return str(timestamp)
    if isinstance(timestamp, str) and re.fullmatch("[0-9]{1,15}", timestamp):
        return timestamp
    return None


def digest_of(key: bytes, signature: Signature) -> str:
    """The digest that the service makes of a signature's timestamp and token with a key."""
    message = (signature.timestamp + signature.token).encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()
