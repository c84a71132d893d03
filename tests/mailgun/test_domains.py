"""Domains: DNS records in both vendors' forms, states of tomorrow, dates in every shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omnivery.errors import DecodeError
from tests.support.mailgun import (
    DOMAIN,
    client_of,
    form_of,
    service,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("sent", "valid", "extra"),
    [
        (True, True, {}),
        (False, False, {}),
        ("valid", True, {}),
        ("invalid", False, {}),
        ("unknown", None, {"valid": "unknown"}),
        (None, None, {}),
        (1, None, {"valid": 1}),
    ],
)
async def test_a_record_is_valid_in_both_vendors_words(sent: object, valid: bool | None, extra: dict[str, Any]) -> None:
    """Mailgun's text "invalid" is true to Python."""
    detail = await client_of(service({"sending_dns_records": [{"valid": sent}]})).domains.get(DOMAIN)
    [record] = detail.sending_dns_records
    assert (record.valid, record.extra) == (valid, extra)


@pytest.mark.parametrize(
    ("sent", "priority", "extra"),
    [
        (10, 10, {}),
        ("10", 10, {}),
        (None, None, {}),
        ("high", None, {"priority": "high"}),
        (True, None, {"priority": True}),
    ],
)
async def test_a_priority_is_a_number(sent: object, priority: int | None, extra: dict[str, Any]) -> None:
    detail = await client_of(service({"receiving_dns_records": [{"priority": sent}]})).domains.get(DOMAIN)
    [record] = detail.receiving_dns_records
    assert (record.priority, record.extra) == (priority, extra)


@pytest.mark.parametrize(
    ("sent", "read", "extra"),
    [
        ("Thu, 21 Jul 2021 12:00:30 GMT", datetime(2021, 7, 21, 12, 0, 30, tzinfo=UTC), {}),
        ("2021-07-21 12:00:30", datetime(2021, 7, 21, 12, 0, 30, tzinfo=UTC), {}),
        (1626868830, datetime(2021, 7, 21, 12, 0, 30, tzinfo=UTC), {}),
        ("Wed, 21 Jul 2021 12:00:30 UTC", datetime(2021, 7, 21, 12, 0, 30, tzinfo=UTC), {}),
        ("some day", None, {"created_at": "some day"}),
        (None, None, {}),
    ],
)
async def test_dates_in_every_shape(sent: object, read: datetime | None, extra: dict[str, Any]) -> None:
    """The document's own weekdays are wrong, and credentials have no zone; rubbish is kept as it came."""
    detail = await client_of(service({"domain": {"created_at": sent}})).domains.get(DOMAIN)
    assert detail.domain is not None
    assert (detail.domain.created_at, detail.domain.extra) == (read, extra)


async def test_a_domain_says_what_it_says() -> None:
    """A state of tomorrow, a field of tomorrow, and lists that are null or missing."""
    body = {
        "domain": {"name": DOMAIN, "state": "frozen", "web_prefix": "email"},
        "sending_dns_records": None,
        "new": [1],
    }
    detail = await client_of(service(body)).domains.get(DOMAIN)
    assert detail.domain is not None
    assert (detail.domain.state, detail.domain.wildcard) == ("frozen", None)
    assert (detail.domain.extra, detail.extra) == ({"web_prefix": "email"}, {"new": [1]})
    assert (detail.sending_dns_records, detail.receiving_dns_records) == ((), ())


async def test_text_where_a_list_is_due_is_refused_with_its_place() -> None:
    with pytest.raises(DecodeError) as caught:
        await client_of(service({"domain": {"name": 5}})).domains.get(DOMAIN)
    assert caught.value.path == "$.domain.name"


async def test_only_what_was_given_is_sent_on_creation() -> None:
    server = service({}, {})
    client = client_of(server)
    await client.domains.create(DOMAIN)
    await client.domains.create(DOMAIN, smtp_password="hunter22", wildcard=True)
    assert form_of(server.requests[0]) == [("name", DOMAIN)]
    assert form_of(server.requests[1]) == [("name", DOMAIN), ("smtp_password", "hunter22"), ("wildcard", "true")]


@pytest.mark.parametrize(
    ("sent", "active", "extra"),
    [
        (True, True, {}),
        ("yes", True, {}),
        ("htmlonly", True, {}),
        ("no", False, {}),
        ("sometimes", None, {"active": "sometimes"}),
    ],
)
async def test_tracking_is_on_or_off(sent: object, active: bool | None, extra: dict[str, Any]) -> None:
    body = {
        "tracking": {"click": {"active": sent}, "open": None, "unsubscribe": {"active": False, "html_footer": "<p>"}}
    }
    tracking = await client_of(service(body)).domains.tracking(DOMAIN)
    assert tracking.click is not None
    assert (tracking.click.active, tracking.click.extra) == (active, extra)
    assert tracking.open is None
    assert tracking.unsubscribe is not None
    assert (tracking.unsubscribe.active, tracking.unsubscribe.html_footer) == (False, "<p>")


@pytest.mark.parametrize("body", [{}, [], {"message": "no"}])
async def test_a_response_without_its_object_is_refused(body: Any) -> None:
    with pytest.raises(DecodeError, match="tracking"):
        await client_of(service(body)).domains.tracking(DOMAIN)


async def test_an_empty_response_to_a_deletion_is_a_deletion() -> None:
    assert (await client_of(service(None)).domains.delete(DOMAIN)).message is None
