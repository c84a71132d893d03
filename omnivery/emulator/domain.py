"""Sending domains: their states, and everything that belongs to a domain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from attrs import define, field

from omnivery.emulator.stats import Stats
from omnivery.emulator.suppressions import SuppressionList, rfc2822

DomainState: TypeAlias = Literal["pending", "unverified", "active", "rejected", "disabled"]
"""Being vetted, waiting for DNS records, able to send, refused, and disabled for good."""
FIXED_STATES: dict[str, DomainState] = {"pending": "pending", "rejected": "rejected"}
"""State that a new domain keeps if its name begins with that label; any other domain is approved at once."""


@define
class SmtpCredential:
    """An SMTP user."""

    login: str = field(repr=False)
    """The login, an e-mail address."""
    password: str = field(repr=False)
    """The password."""
    created_at: datetime = field(factory=lambda: datetime.now(UTC))
    """When it was created."""


@define(kw_only=True, eq=False)
class Domain:
    """A sending domain."""

    name: str
    id: int
    state: DomainState = "unverified"
    wildcard: bool = False
    created_at: datetime = field(factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(factory=lambda: datetime.now(UTC))
    credentials: dict[str, SmtpCredential] = field(factory=dict[str, SmtpCredential], repr=False)
    webhooks: dict[str, list[str]] = field(factory=dict[str, list[str]], repr=False)
    bounces: SuppressionList = field(factory=SuppressionList, repr=False)
    complaints: SuppressionList = field(factory=SuppressionList, repr=False)
    unsubscribes: SuppressionList = field(factory=SuppressionList, repr=False)
    blocks: SuppressionList = field(factory=SuppressionList, repr=False)
    whitelists: SuppressionList = field(factory=SuppressionList, repr=False)
    stats: Stats = field(factory=Stats, repr=False)

    def move(self, state: DomainState) -> None:
        """Change the state."""
        self.state, self.updated_at = state, datetime.now(UTC)

    def summary(self) -> dict[str, Any]:
        """Return the domain as lists show it."""
        return {
            "name": self.name,
            "state": self.state,
            "wildcard": self.wildcard,
            "force_dkim_authority": False,
            "created_at": rfc2822(self.created_at),
        }

    def detail(self) -> dict[str, Any]:
        """Return the domain with its DNS records."""
        return {"domain": {**self.summary(), "updated_at": rfc2822(self.updated_at)}, **self.dns()}

    def dns(self) -> dict[str, Any]:
        """Return the DNS records that the owner must publish; all are valid once the domain was verified."""
        valid = self.state in {"active", "disabled"}
        dkim = {"record_type": "CNAME", "valid": valid, "state": "active" if valid else "unverified"}
        return {
            "receiving_dns_records": [
                {
                    "name": self.name,
                    "record_type": "MX",
                    "value": "mx.omnivery.example",
                    "valid": valid,
                    "priority": 10,
                }
            ],
            "sending_dns_records": [
                {**dkim, "name": f"ov1._domainkey.{self.name}", "value": "ov1.dkim.omnivery.example"},
                {**dkim, "name": f"ov2._domainkey.{self.name}", "value": "ov2.dkim.omnivery.example"},
                {
                    "name": self.name,
                    "record_type": "TXT",
                    "value": "v=spf1 include:spf.omnivery.example ~all",
                    "valid": valid,
                },
                {
                    "name": f"email.{self.name}",
                    "record_type": "CNAME",
                    "value": "track.omnivery.example",
                    "valid": valid,
                },
            ],
        }
