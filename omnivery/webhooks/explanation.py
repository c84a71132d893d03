"""Why the signature of a webhook call is refused, and what to do next."""

from __future__ import annotations

import hmac
import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from attrs import evolve

from omnivery.display.counts import counted
from omnivery.errors import ConfigError
from omnivery.webhooks.alteration import Original, find_original
from omnivery.webhooks.body import Payload, decode
from omnivery.webhooks.payload import content_of
from omnivery.webhooks.reasons import Explanation, SignatureCause, refused
from omnivery.webhooks.schemes import SchemeMatch, find_scheme
from omnivery.webhooks.signature import DIGITS, TOLERANCE, Signature, check_tolerance, digest_of, find
from omnivery.webhooks.unreadable import explain_unreadable

KEY_HINT = (
    "Compare the key with the signing key in the service's console, under account, API keys. It signs all webhook "
    "calls of the account, and is neither an API key nor a token. After a change of the key, calls may still come "
    "with the old one: give both."
)
KEPT_HINT = "Take the call as it was received. A receiver is right to refuse this one."
SENDER_HINT = "Change what signs the call: HMAC-SHA256 of timestamp and token under the key, in hexadecimal digits."


def explain(
    payload: Payload,
    *keys: str | bytes,
    tolerance: float | None = TOLERANCE,
    now: float | None = None,
    thorough: bool = True,
) -> Explanation:
    """Say why a webhook call's signature is refused: for people who look for the reason, not for a receiver.

    It tries the keys with and without what may stand around them, other hash functions, encodings and contents, and
    other timestamps, so it takes up to a second, and longer for some calls than for others. `verify` is what decides.

    Args:
        payload: the body, or the `signature` object alone; bytes and text are read as JSON.
        keys: the account's signing keys, as you have them: also with a line break at the end.
        tolerance: seconds by which the timestamp may lie in the past or in the future; None for any.
        now: unix seconds to compare the timestamp with; the clock's when left out.
        thorough: whether to try all that. Without it, a signature that fits no key is the wrong key's.

    Raises:
        ConfigError: no key was given, or one is empty; or the tolerance is not a number from 0 up.
    """
    if not keys or not all(keys):
        raise ConfigError("no signing key to compare with: give at least one, and none that is empty")
    seconds, moment = check_tolerance(tolerance), time.time() if now is None else now
    secrets = [key.encode() if isinstance(key, str) else bytes(key) for key in keys]
    fields, body = decode(payload).payload, None if isinstance(payload, Mapping) else content_of(payload)
    signature = find(fields)
    if fields is None or signature is None:
        return explain_unreadable(payload, body, fields)
    age = moment - int(signature.timestamp)
    dated = datetime.fromtimestamp(int(signature.timestamp), UTC) if len(signature.timestamp) <= DIGITS else None
    found = _with_key(signature, secrets, age, seconds)
    if found is None and thorough:
        found = _tried(signature, secrets, fields, body)
    found = found or _misshapen(signature.digest) or _wrong_key(len(secrets))
    return evolve(found, signed_at=dated, age=age)


def _with_key(signature: Signature, keys: Sequence[bytes], age: float, tolerance: float) -> Explanation | None:
    """Explain a signature that is one of the keys'."""
    received = signature.digest.lower().encode("utf-8", "surrogatepass")
    for index, key in enumerate(keys):
        if hmac.compare_digest(digest_of(key, signature).encode(), received):
            is_bare = key.strip().strip(b"'\"") == key
            return evolve(_timed(signature, age, tolerance) if is_bare else _ragged(), key=index)
    return None


def _ragged() -> Explanation:
    message = "Signed with the key as it was given, with the blanks, line breaks or quotes around it."
    hint = "No key of the service's has such characters, and `verify` refuses them: copy it anew, on both sides."
    return refused(SignatureCause.KEY_FORM, message, hint)


def _timed(signature: Signature, age: float, tolerance: float) -> Explanation:
    digits, allowed = len(signature.timestamp), f"{duration(tolerance)} are tolerated"
    # 1. Not unix seconds. Fewer digits are an old date where dates count.
    if digits > DIGITS or (digits < DIGITS and tolerance == math.inf):
        return _other_digits(digits)
    # 2. Too old.
    if age > tolerance:
        message = f"Signed with the key, but {duration(age)} ago, and {allowed}."
        hint = (
            "It is a late retry, a saved call, or a repetition by somebody. For a saved call, raise the tolerance. If "
            "calls are fresh from the service, check this machine's clock."
        )
        return refused(SignatureCause.OLD, message, hint)
    # 3. Ahead of this machine's clock.
    if -age > tolerance:
        message = f"Signed with the key, but {duration(-age)} in the future, and {allowed}."
        hint = "One of the two clocks is wrong: compare this machine's with another's."
        return refused(SignatureCause.AHEAD, message, hint)
    message = f"Signed with the key, {duration(abs(age))} {'ago' if age >= 0 else 'ahead of this clock'}."
    hint = "Nothing to do. The signature covers timestamp and token, not the body: accept calls over https only."
    return Explanation(verified=True, cause=SignatureCause.VERIFIED, message=message, hint=hint)


def _other_digits(digits: int) -> Explanation:
    if digits == DIGITS + 3:
        message = "Signed with the key, but the timestamp is in milliseconds, and must be in seconds."
        return refused(SignatureCause.FIELD_WRONG, message, SENDER_HINT)
    message = f"Signed with the key, but the timestamp has {digits} digits, and unix seconds have {DIGITS}."
    hint = "Somebody may have moved digits between timestamp and token, to make a new call of an old one: refuse it."
    return refused(SignatureCause.ALTERED, message, hint)


def _tried(
    signature: Signature, keys: Sequence[bytes], fields: Mapping[str, object], body: bytes | None
) -> Explanation | None:
    """Explain a signature that is one of the keys' in another way, or was; None if nothing fits."""
    parts = {"timestamp": signature.timestamp, "token": signature.token, "digest": signature.digest}
    # 1. It was made in another way. 2. It was changed after signing. Both prove the key.
    for index, key in enumerate(keys):
        if scheme := find_scheme(key, **parts, body=body):
            return evolve(_other_scheme(scheme), key=index)
    for index, key in enumerate(keys):
        if original := find_original(signature, fields, key):
            return evolve(_changed(signature, original), key=index)
    return None


def _other_scheme(scheme: SchemeMatch) -> Explanation:
    hint = SENDER_HINT
    if scheme.cause is SignatureCause.KEY_FORM:
        hint = "Set the key again, on the side that has other characters than the service's console shows."
    return refused(scheme.cause, f"The call was signed {scheme.words}.", hint)


def _changed(signature: Signature, original: Original) -> Explanation:
    words = original.words
    if original.timestamp is not None:
        apart = int(signature.timestamp) - original.timestamp
        order = "earlier" if apart > 0 else "later"
        words = f"the timestamp {original.timestamp}, {duration(abs(apart))} {order} than the one it has"
    return refused(
        SignatureCause.ALTERED, f"The call was changed after signing: its signature fits {words}.", KEPT_HINT
    )


def _misshapen(digest: str) -> Explanation | None:
    if re.fullmatch("[0-9a-fA-F]{64}", digest):
        return None
    message = f"The digest has {counted(len(digest), 'character')}, and one of HMAC-SHA256 has 64 hexadecimal digits."
    if re.fullmatch("[0-9a-fA-F]{1,63}", digest):
        return refused(SignatureCause.ALTERED, message, f"It may have been cut. {KEPT_HINT}")
    return refused(
        SignatureCause.ENCODING, message, f"No usual encoding or algorithm makes it of this key. {SENDER_HINT}"
    )


def _wrong_key(count: int) -> Explanation:
    keys = "the key" if count == 1 else f"any of the {count} keys"
    message = f"The signature does not fit {keys}: it was made with another, or it was changed beyond recognition."
    return refused(SignatureCause.WRONG_KEY, message, KEY_HINT)


DAY = 86_400
_UNITS = ((365 * DAY, "year"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def duration(seconds: float) -> str:
    """A length of time in words, in its two largest units."""
    if seconds == math.inf:
        return "any number of seconds"
    left, parts = round(seconds), list[str]()
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {name}{'s' if count > 1 else ''}")
    return " ".join(parts[:2]) or "0 seconds"
