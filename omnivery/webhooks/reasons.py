"""Why a webhook call was not handled: for receivers and their statistics, and for people who look for the reason."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from omnivery.display.record import Record


class RefusalReason(StrEnum):
    """Why a webhook call was not handled."""

    SIGNATURE_MISSING = "signature missing"
    SIGNATURE_WRONG = "signature wrong"
    """Signed with another key, or forged."""
    SIGNATURE_OLD = "signature too old"
    """Authentic, but beyond the tolerance: late, or replayed."""
    SIGNATURE_AHEAD = "signature in the future"
    """Authentic, but one of the two clocks is wrong."""
    VERIFIER = "refused by the verifier"
    NOT_JSON = "not JSON"
    FORM = "form post"
    """As Mailgun's legacy webhooks send it."""
    UNKNOWN_PAYLOAD = "unknown payload"
    NOT_ACCEPTED = "kind not accepted"
    """Of the kind that `accepts` leaves out."""
    REPLAYED = "handled before"
    IN_PROGRESS = "being handled"
    PATH = "unknown path"
    METHOD = "not a POST"
    TOO_LARGE = "body too large"
    TOO_SLOW = "body too slow"
    STORE_FAILED = "store failed"
    HANDLER_FAILED = "handler failed"
    VERIFIER_FAILED = "verifier failed"
    SPOOL_FAILED = "body not spooled"
    """The temporary file for a large body could not be written."""
    CANCELLED = "cancelled"


class SignatureCause(StrEnum):
    """What `explain` found out about a signature."""

    VERIFIED = "verified"
    """Nothing is wrong with it."""
    NOT_JSON = "not JSON"
    FORM = "form post"
    LIST = "list of calls"
    """As the API's sample endpoint returns them."""
    MISSING = "signature missing"
    FIELD_MISSING = "field missing"
    """One of `timestamp`, `token` and `signature`."""
    FIELD_WRONG = "field of another type"
    """One of the three cannot be what was signed."""
    KEY_FORM = "key with other characters"
    """One side's key has blanks, line breaks or quotes around it, or was decoded."""
    ENCODING = "other encoding"
    ALGORITHM = "other algorithm"
    CONTENT = "signed over something else"
    ALTERED = "altered"
    """The timestamp or the token was changed after signing."""
    WRONG_KEY = "wrong key"
    """Or altered in a way that nobody can tell from it."""
    OLD = "too old"
    AHEAD = "in the future"


@frozen(kw_only=True)
class Explanation(Record):
    """What `explain` found out. It holds no key, and no part of a signature."""

    verified: bool
    """Whether `verify` is true for the call."""
    cause: SignatureCause
    """What is wrong; `SignatureCause.VERIFIED` if nothing is."""
    message: str
    """What is wrong, in a sentence."""
    hint: str
    """What to do next."""
    key: int | None = None
    """Index of the key that the call was signed with, among those that were given; None if it was none of them."""
    signed_at: datetime | None = None
    """The timestamp, in UTC; None if it is not one. Proved only if `key` is not None."""
    age: float | None = None
    """Seconds since the timestamp; negative for one in the future."""


def refused(cause: SignatureCause, message: str, hint: str, *, key: int | None = None) -> Explanation:
    """An explanation of a signature that is not accepted."""
    return Explanation(verified=False, cause=cause, message=message, hint=hint, key=key)
