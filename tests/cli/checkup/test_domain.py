"""The domain: what to do in each state, and with each record."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
import respx

from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.domain import check_domain
from omnivery.cli.checkup.finding import Finding, Level
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.transport.adapters.httpx_async import HttpxAdapter
from omnivery.transport.credentials import BasicKey

NAME = "mail.example.com"
URL = f"https://mg-api.omnivery.net/v3/domains/{NAME}"


def look(*records: dict[str, Any], state: str = "active", status: int = 200, **setup: str | None) -> list[Finding]:
    async def work() -> list[Finding]:
        mailgun = Access(credential=BasicKey(key="key"), domains=("a.example.com", "b.example.com"))
        settings: dict[str, Any] = {"domain": NAME, **setup}
        return await check_domain(Prober(adapter=HttpxAdapter()), Setup(**settings), mailgun, Access())

    with respx.mock(assert_all_called=False) as router:
        detail = {"domain": {"name": NAME, "state": state}, "sending_dns_records": list(records)}
        router.get(URL).respond(status, json=detail)
        return anyio.run(work)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("pending", "have not vetted the domain yet"),
        ("unverified", f"omnivery domains verify {NAME} --wait"),
        ("rejected", "ask its support"),
        ("disabled", "only the service's web interface"),
        ("newly invented", "Look at it in the service's web interface"),
    ],
)
def test_each_state_has_its_next_step(state: str, step: str) -> None:
    found = look(state=state)[0]
    assert found.level is Level.PROBLEM
    assert found.message == f"{NAME} is {state}: it cannot send."
    assert step in str(found.next)


@pytest.mark.parametrize(
    ("record", "level", "words"),
    [
        ({"name": f"s._domainkey.{NAME}", "record_type": "CNAME"}, Level.PROBLEM, "the DKIM key"),
        ({"name": NAME, "record_type": "TXT"}, Level.PROBLEM, "the SPF record"),
        ({"name": f"email.{NAME}", "record_type": "CNAME"}, Level.WARNING, "the CNAME of the tracking links"),
        ({"name": NAME, "record_type": "MX", "priority": 10}, Level.WARNING, "the MX record"),
        ({"name": NAME, "record_type": "SRV"}, Level.WARNING, "a record"),
    ],
)
def test_a_missing_record_says_what_it_is_for_and_what_to_publish(
    record: dict[str, Any], level: Level, words: str
) -> None:
    found = look({**record, "value": "the.value.example", "valid": False})[-1]
    assert (found.level, words in found.message) == (level, True)
    priority = "10 " if "priority" in record else ""
    assert f"{record['name']} {record['record_type']} {priority}the.value.example" in str(found.next)


def test_a_record_of_which_the_service_says_nothing_is_a_note() -> None:
    assert look({"name": NAME, "record_type": "TXT", "value": "v"})[-1].level is Level.NOTE


def test_without_records_it_says_so() -> None:
    assert look()[-1].message == "The service names no DNS records of the domain."


@pytest.mark.parametrize(
    ("status", "words"), [(404, "The account has no domain"), (401, "does not belong"), (500, "(500)")]
)
def test_a_domain_that_cannot_be_seen(status: int, words: str) -> None:
    [found] = look(status=status)
    assert (found.level, words in found.message) == (Level.PROBLEM, True)
    assert "a.example.com, b.example.com" in str(found.next)


def test_a_domain_that_is_not_set_can_be_chosen() -> None:
    [found] = look(domain=None)
    assert (found.level, found.next) == (Level.WARNING, "Set it to one of a.example.com, b.example.com.")
