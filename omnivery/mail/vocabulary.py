"""Open vocabularies: the words that the API pages and Mailgun's documents use, for editors to complete.

A server may send any other text, and every argument of these types accepts any other text.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

DomainState: TypeAlias = Literal["pending", "unverified", "active", "rejected", "disabled"] | str
"""State of a sending domain: being vetted, waiting for its DNS records, sending, refused, disabled for good."""

RecordType: TypeAlias = Literal["MX", "TXT", "CNAME"] | str
"""Type of a DNS record."""

DkimState: TypeAlias = Literal["unverified", "active", "inactive"] | str
"""State of a DKIM key."""

ValidationReason: TypeAlias = (
    Literal[
        "invalid_email",
        "invalid_domain",
        "rejected_email",
        "accepted_email",
        "low_quality",
        "low_deliverability",
        "no_connect",
        "timeout",
        "invalid_smtp",
        "unavailable_smtp",
        "unexpected_error",
    ]
    | str
)
"""Why an address was found valid or not (Kickbox, https://docs.kickbox.com/docs/single-verification-api)."""

ValidationResult: TypeAlias = Literal["deliverable", "undeliverable", "risky", "unknown"] | str
"""Whether an address can receive mail (Kickbox)."""

StatsEvent: TypeAlias = (
    Literal["accepted", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained", "stored"] | str
)
"""An event that is counted (Mailgun, source/api-stats.rst)."""

Resolution: TypeAlias = Literal["hour", "day", "month"] | str
"""Length of a bucket of counts."""

SuppressionType: TypeAlias = Literal["bounce", "complaint", "unsubscribe", "block"] | str
"""List of a suppression. The API's page names `complaint`, the service's guide all four."""

WebhookName: TypeAlias = (
    Literal["opened", "clicked", "delivered", "softbounced", "hardbounced", "unsubscribed", "complained", "rejected"]
    | str
)
"""Kind of event of a webhook; `WebhookType` has the same words as constants."""
