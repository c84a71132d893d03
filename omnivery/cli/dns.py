"""A domain's DNS records as a person needs them: which are wrong, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from omnivery.cli.output import cell_text, console, print_json, printable, wants_json

if TYPE_CHECKING:
    from datetime import datetime

    from omnivery.automations import DomainDetail as AutomationsDetail
    from omnivery.mail.dns import DnsRecord
    from omnivery.mailgun import DomainDetail as MailgunDetail

NEXT: Mapping[str, str] = {
    "pending": "The service's staff have not vetted the domain yet; it can be verified afterwards.",
    "unverified": "Put the records into the domain's DNS, unchanged. Then: omnivery domains verify {name} --wait",
    "rejected": "The service refused the domain: ask its support why.",
    "disabled": "Sending is stopped; only the service's web interface can enable the domain again.",
}
"""What to do next, by the state of a domain."""


@frozen(kw_only=True)
class DomainView:
    """A domain with its records, from either API."""

    name: str
    state: str | None
    created_at: datetime | None
    sending: tuple[DnsRecord, ...]
    receiving: tuple[DnsRecord, ...]

    @classmethod
    def of_mailgun(cls, detail: MailgunDetail, name: str) -> DomainView:
        """Return the view of the Mailgun-compatible API's response."""
        domain = detail.domain
        return cls(
            name=(domain.name if domain else None) or name,
            state=domain.state if domain else None,
            created_at=domain.created_at if domain else None,
            sending=detail.sending_dns_records,
            receiving=detail.receiving_dns_records,
        )

    @classmethod
    def of_automations(cls, detail: AutomationsDetail, name: str) -> DomainView:
        """Return the view of the Automations API's response."""
        return cls(
            name=detail.name or name,
            state=detail.state,
            created_at=detail.created_at,
            sending=detail.sending_dns_records or (),
            receiving=detail.receiving_dns_records or (),
        )

    @property
    def faults(self) -> int:
        """Number of records that the service did not find in the DNS."""
        return sum(record.valid is False for record in (*self.sending, *self.receiving))

    @property
    def advice(self) -> str:
        """What to do next."""
        if self.state is not None and self.state in NEXT:
            return NEXT[self.state].format(name=self.name)
        if self.faults:
            return f"Correct the records that are marked, then: omnivery domains verify {self.name}"
        return "Nothing is wrong with it." if self.state == "active" else "Its state is not known to this command."

    def show(self) -> None:
        """Print it: for people with what is wrong in words, and else as JSON."""
        if wants_json():
            print_json(self._as_json())
            return
        out = console()
        created = f", created {self.created_at:%Y-%m-%d}" if self.created_at else ""
        out.print(
            f"{printable(self.name)}: {printable(self.state or 'state unknown')}{created}", style="bold", markup=False
        )
        for title, records in (("Sending", self.sending), ("Receiving", self.receiving)):
            if records:
                out.print(f"\n{title} records", style="bold")
                _print_records(records)
        out.print(f"\n{printable(self.advice)}", markup=False, soft_wrap=True)

    def _as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state,
            "created_at": self.created_at,
            "records": [*_with_problems("sending", self.sending), *_with_problems("receiving", self.receiving)],
            "next": self.advice,
        }


def problem_of(record: DnsRecord) -> str | None:
    """Return what is wrong with a record; None if nothing is, or if the service does not say."""
    if record.valid is False:
        return f"the service did not find this {record.record_type or 'record'} in the DNS"
    if record.state == "inactive":
        return "this DKIM key is not used"
    return None


def _print_records(records: Sequence[DnsRecord]) -> None:
    """Print each record on two lines: a value in a column of a table could not be copied."""
    out, width = console(), max(len(cell_text(record.name)) for record in records)
    for record in records:
        found, style = _FOUND[record.valid]
        note = f"{found} ({printable(record.state)})" if record.state and record.state != "active" else found
        line = f"{cell_text(record.record_type):<6} {cell_text(record.name):<{width}}  {note}"
        out.print(line, markup=False, soft_wrap=True, style=style)
        value = record.value if record.priority is None else f"{record.priority} {record.value}"
        out.print(f"       {cell_text(value)}", markup=False, soft_wrap=True)


_FOUND: Mapping[bool | None, tuple[str, str]] = {
    True: ("found", "green"),
    False: ("NOT FOUND", "red"),
    None: ("not known", "yellow"),
}


def _with_problems(use: str, records: Iterable[DnsRecord]) -> list[dict[str, Any]]:
    return [
        {
            "use": use,
            "type": record.record_type,
            "name": record.name,
            "value": record.value,
            "priority": record.priority,
            "valid": record.valid,
            "state": record.state,
            "problem": problem_of(record),
        }
        for record in records
    ]
