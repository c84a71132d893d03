"""DNS records of a sending domain: what the service wants to find there, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery import codec


def _valid(value: object) -> bool | None:
    # Omnivery answers with a truth value, Mailgun with one of three words, of which "unknown" says neither.
    words: dict[object, bool] = {"valid": True, "invalid": False}
    return value if isinstance(value, bool) else words.get(value) if isinstance(value, str) else None


@frozen(kw_only=True)
class DnsRecord:
    """One record that belongs into the domain's DNS. Values are opaque: copy them as they are."""

    name: str | None = None
    """Where the record belongs."""
    record_type: str | None = None
    """`MX`, `TXT` or `CNAME`. Not every CNAME is a DKIM key: tracking has one too."""
    value: str | None = None
    """What the record must hold."""
    valid: bool | None = field(default=None, metadata={codec.READ: _valid})
    """Whether the service found it so; None where it does not know."""
    # Omnivery answers with a number, Mailgun with text.
    priority: int | None = field(default=None, metadata={codec.READ: codec.as_whole_number})
    """Of an MX record, else None."""
    state: str | None = None
    """Of a DKIM key, else None: `unverified`, `active` or `inactive`."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""
