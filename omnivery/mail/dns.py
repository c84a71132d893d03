"""DNS records of a sending domain: what the service expects, and whether it found it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery import codec
from omnivery.display.record import Record
from omnivery.mail.vocabulary import DkimState, RecordType


def _valid(value: object) -> bool | None:
    # Omnivery sends a boolean, Mailgun "valid", "invalid" or "unknown".
    words: dict[object, bool] = {"valid": True, "invalid": False}
    return value if isinstance(value, bool) else words.get(value) if isinstance(value, str) else None


@frozen(kw_only=True)
class DnsRecord(Record):
    """One record that the domain's DNS must have. Values are opaque: copy them unchanged."""

    name: str | None = None
    """Name of the record."""
    record_type: RecordType | None = None
    """`MX`, `TXT` or `CNAME`. Not every CNAME is a DKIM key: tracking has one too."""
    value: str | None = None
    """Value that the record must have."""
    valid: bool | None = field(default=None, metadata={codec.READ: _valid})
    """Whether the service found that value in the DNS; None if it does not say."""
    # Omnivery sends a number, Mailgun text.
    priority: int | None = field(default=None, metadata={codec.READ: codec.as_whole_number})
    """Priority of an MX record, else None."""
    state: DkimState | None = None
    """State of a DKIM key, else None: `unverified`, `active` or `inactive`."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Response fields that the SDK does not know."""
