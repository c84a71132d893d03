"""The sending domain: its state, and each DNS record that it must have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omnivery.automations.domains import GET as AUTOMATIONS_GET
from omnivery.cli.checkup.account import SHOWN, Access
from omnivery.cli.checkup.finding import Area, Finding, note, ok, problem, warning
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.cli.dns import NEXT, DomainView
from omnivery.mail.dns import DnsRecord
from omnivery.mailgun.domains import GET as MAILGUN_GET

WEB = "Look at it in the service's web interface."


async def check_domain(prober: Prober, setup: Setup, mailgun: Access, automations: Access) -> list[Finding]:
    """Look at the domain's state and records, through whichever API has accepted a key."""
    seen = sorted({*mailgun.domains, *automations.domains})
    if not (mailgun.credential or automations.credential):
        return [note(Area.DOMAIN, "Not looked at: no key was accepted.", "Have a key accepted first.")]
    if setup.domain is None:
        return [_unset(seen)]
    found, status = await _look(prober, setup, mailgun, automations)
    if found is None:
        return [_missing(setup.domain, status, seen)]
    return [_state(found), *_records(found)]


async def _look(
    prober: Prober, setup: Setup, mailgun: Access, automations: Access
) -> tuple[DomainView | None, int | None]:
    name, status = setup.domain or "", None
    if mailgun.credential and setup.mailgun_url:
        probe = await prober.call(setup.mailgun_url, MAILGUN_GET, mailgun.credential, name=name)
        status = probe.status
        detail = probe.read(MAILGUN_GET) if status == 200 else None  # noqa: PLR2004
        if detail is not None:
            return DomainView.of_mailgun(detail, name), status
    if automations.credential and setup.automations_url:
        url = setup.automations_url
        probe = await prober.call(url, AUTOMATIONS_GET, automations.credential, query={"dns": "true"}, name=name)
        status = probe.status
        other = probe.read(AUTOMATIONS_GET) if status == 200 else None  # noqa: PLR2004
        if other is not None:
            return DomainView.of_automations(other, name), status
    return None, status


def _unset(seen: Sequence[str]) -> Finding:
    if not seen:
        hint = "Create one with `omnivery domains create NAME`, then set OMNIVERY_DOMAIN."
        return warning(Area.DOMAIN, "OMNIVERY_DOMAIN is not set, and the key sees no domain.", hint)
    return warning(Area.DOMAIN, "OMNIVERY_DOMAIN is not set.", f"Set it to one of {_listed(seen)}.", domains=seen)


def _missing(name: str, status: int | None, seen: Sequence[str]) -> Finding:
    message = f"The domain {name} could not be looked at" + (f" ({status})." if status else ".")
    if status == 404:  # noqa: PLR2004
        message = f"The account has no domain {name}."
    elif status in {401, 403}:
        message = f"The key does not belong to the domain {name}."
    hint = f"Set OMNIVERY_DOMAIN to one that the key sees: {_listed(seen)}. " if seen else ""
    return problem(Area.DOMAIN, message, f"{hint}`omnivery domains create {name}` creates it.", domain=name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def _state(found: DomainView) -> Finding:
    if found.state == "active":
        return ok(Area.DOMAIN, f"{found.name} is active: it can send.", domain=found.name, state=found.state)
    message = f"{found.name} is {found.state or 'in no known state'}: it cannot send."
    hint = NEXT.get(found.state or "", WEB).format(name=found.name)
    return problem(Area.DOMAIN, message, hint, domain=found.name, state=found.state)


def _records(found: DomainView) -> Iterator[Finding]:
    records = (*found.sending, *found.receiving)
    if not records:
        yield note(Area.DOMAIN, "The service names no DNS records of the domain.", WEB)
        return
    good = [record for record in records if record.valid]
    if good:
        yield ok(Area.DOMAIN, f"DNS: {len(good)} of {len(records)} records are in place.", records=len(good))
    for record in records:
        if record.valid is None:
            yield note(Area.DOMAIN, f"DNS: {_shown(record)}: the service does not say whether it found it.", WEB)
        elif not record.valid:
            yield _lacking(found, record)


def _lacking(found: DomainView, record: DnsRecord) -> Finding:
    message = f"DNS: {_purpose(record)} is missing or has another value: {record.record_type} {record.name}."
    hint = f"Publish at the DNS provider of {found.name}: {_shown(record)}. It may take hours to be seen; "
    hint += f"`omnivery domains verify {found.name}` has the service look again."
    make = problem if _is_needed(record) else warning
    return make(
        Area.DOMAIN, message, hint, name=record.name, type=record.record_type, value=record.value, state=record.state
    )


def _is_needed(record: DnsRecord) -> bool:
    """Whether mail cannot be sent without it: incoming mail and tracking can wait."""
    return record.record_type == "TXT" or "_domainkey" in (record.name or "")


def _purpose(record: DnsRecord) -> str:
    if "_domainkey" in (record.name or ""):
        return "the DKIM key, which signs the mail,"
    purposes = {
        "MX": "the MX record, by which bounces and replies come back,",
        "TXT": "the SPF record, which allows the service to send,",
        "CNAME": "the CNAME of the tracking links",
    }
    return purposes.get(record.record_type or "", "a record")


def _shown(record: DnsRecord) -> str:
    priority = f"{record.priority} " if record.priority is not None else ""
    return f"{record.name} {record.record_type} {priority}{record.value}"
