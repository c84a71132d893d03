"""Sending domains by the Automations API: a bare array, and a wrapped object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omnivery import Automations
from omnivery.automations import AsyncPages, Domain
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError, DecodeError, NotFoundError
from tests.support.automations import client_of, reply, service

pytestmark = pytest.mark.anyio

MX = {"name": "mail.example.com", "record_type": "MX", "value": "mx.omnivery.net", "valid": "unknown", "priority": "10"}
DKIM = {"name": "k1._domainkey.mail.example.com", "record_type": "CNAME", "valid": True, "state": "active"}


async def test_the_list_is_a_bare_array() -> None:
    found = await client_of(service([{"id": 1, "name": "a.example", "state": "asleep"}, {}])).domains.list()
    assert [(domain.id, domain.name, domain.state) for domain in found] == [(1, "a.example", "asleep"), (None,) * 3]


async def test_the_list_is_read_as_any_other_and_asked_for_once() -> None:
    """One surface's lists are read like the other's, though this one has a single page, however long it is."""
    body = [{"id": n, "name": f"d{n}.example"} for n in range(250)]
    for read in (
        lambda pages: pages.collect(),
        lambda pages: pages.first(),
        each,
        pages_of,
    ):
        asked = service(body)
        found = await read(client_of(asked).domains.list())
        assert [domain.id for domain in found] == list(range(250))
        assert asked.request.url.query == b""


async def each(pages: AsyncPages[Domain]) -> list[Domain]:
    return [domain async for domain in pages]


async def pages_of(pages: AsyncPages[Domain]) -> list[Domain]:
    return [domain async for page in pages.pages() for domain in page]


def test_the_synchronous_list_is_read_as_any_other() -> None:
    with (
        Emulator() as emulator,
        Automations(emulator.token, base_url=emulator.automations_url) as client,
    ):
        pages = client.domains.list()
        assert [domain.name for domain in pages] == [emulator.domain]
        assert [domain.name for domain in pages.collect(max_items=1)] == [emulator.domain]
        assert "<table>" in pages._repr_html_()


@pytest.mark.parametrize("response", [{"items": []}, [5], [[]], [{"id": "1"}], "none"])
async def test_another_response_is_no_list(response: Any) -> None:
    """Above all, none of them may pass for "no domains"."""
    with pytest.raises(DecodeError, match=r"automations\.domains\.list"):
        await client_of(service(response)).domains.list()


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("Wed, 21 Jul 2021 10:11:12 GMT", datetime(2021, 7, 21, 10, 11, 12, tzinfo=UTC)),
        ("Thu, 21 Jul 2021 10:11:12 GMT", datetime(2021, 7, 21, 10, 11, 12, tzinfo=UTC)),  # the documents' weekday
        ("2021-07-21 10:11:12", datetime(2021, 7, 21, 10, 11, 12, tzinfo=UTC)),
        (1626862272, datetime(2021, 7, 21, 10, 11, 12, tzinfo=UTC)),
        ("the other day", None),
        (None, None),
    ],
)
async def test_dates_are_read_in_every_shape(raw: Any, read: datetime | None) -> None:
    (found,) = await client_of(service([{"name": "a.example", "created_at": raw}])).domains.list()
    assert found.created_at == read
    assert found.extra == ({} if read or raw is None else {"created_at": raw})


@pytest.mark.parametrize("inside", [True, False])
async def test_dns_records_are_found_inside_and_beside_the_domain(inside: bool) -> None:
    """Where they stand is not documented."""
    lists = {"receiving_dns_records": [MX], "sending_dns_records": [DKIM]}
    response = {"domain": {"name": "a.example", **lists}} if inside else {"domain": {"name": "a.example"}, **lists}
    asked = service(response)
    found = await client_of(asked).domains.get("a.example", dns=True)
    assert asked.request.url.query == b"dns=true"
    assert found.receiving_dns_records is not None
    assert found.sending_dns_records is not None
    (mx,), (dkim,) = found.receiving_dns_records, found.sending_dns_records
    assert (mx.priority, mx.valid, mx.state) == (10, None, None)
    assert (dkim.priority, dkim.valid, dkim.state) == (None, True, "active")
    assert found.extra == {}


async def test_records_that_were_not_asked_for_are_none_and_not_an_empty_list() -> None:
    """Else a domain would look as if it needed no DNS at all."""
    asked = service({"domain": {"name": "a.example", "limit": "5000/86400", "seedmail": "seed@example.com"}})
    found = await client_of(asked).domains.get("a.example")
    assert asked.request.url.query == b""
    assert (found.receiving_dns_records, found.sending_dns_records) == (None, None)
    assert found.limit == "5000/86400"
    assert "seed@" in repr(found)


@pytest.mark.parametrize("response", [{"name": "a.example"}, {"domain": None}, {"domain": "a.example"}, []])
async def test_a_response_without_a_domain_is_refused(response: Any) -> None:
    with pytest.raises(DecodeError, match="'domain'"):
        await client_of(service(response)).domains.get("a.example")


async def test_an_empty_name_does_not_become_the_list() -> None:
    asked = service([])
    with pytest.raises(ConfigError, match="name"):
        await client_of(asked).domains.get("")
    assert asked.requests == []


async def test_an_unknown_domain_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="Domain not found"):
        await client_of(service(reply({"message": "Domain not found"}, 404))).domains.get("a.example")
