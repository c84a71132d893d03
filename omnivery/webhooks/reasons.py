"""Why a webhook call was not handled: the keys of `ReceiverStatistics.by_reason`, and `reason` of a `WebhookError`."""

from __future__ import annotations

from enum import StrEnum


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
