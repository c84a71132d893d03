"""One batch by itself: one request, at most 500 events, and a receipt for whatever the server responds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from omnivery import AsyncAutomations
from omnivery.automations import BatchReceipt, EventLine, Rejection
from omnivery.emulator import Emulator
from omnivery.errors import BadRequestError, ConfigError, DecodeError, PaymentRequiredError
from omnivery.events.event import EventLike
from tests.support.bots import (
    client_of,
    event,
    events,
    ids,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
async def client(emu: Emulator) -> AsyncIterator[AsyncAutomations]:
    async with client_of(emu) as made:
        yield made


async def test_a_batch_is_one_request(emu: Emulator, client: AsyncAutomations) -> None:
    line = b'{"ip":"203.0.113.7","uas":"-","event_id":"e2"}'
    mapping = {"ip": "203.0.113.7", "uas": "-", "event_id": "e1", "mine": [1]}
    given: list[EventLike] = [event(0), mapping, line, EventLine(data=line, line=4)]
    receipt = await client.bots.submit_batch(iter(given))
    assert receipt == BatchReceipt(accepted=4, status=200)
    assert ids(emu.bot_events) == ["e0", "e1", "e2", "e2"]
    assert emu.requests == [("POST", "bot", 200)]


async def test_500_events_fit_and_501_are_refused(emu: Emulator, client: AsyncAutomations) -> None:
    assert (await client.bots.submit_batch(events(500))).accepted == 500
    with pytest.raises(ConfigError, match=r"more than 500 events.*Nothing was sent"):
        await client.bots.submit_batch(events(501))
    assert emu.bot_batches == [500]


async def test_events_that_are_not_valid_stand_in_the_receipt(emu: Emulator, client: AsyncAutomations) -> None:
    receipt = await client.bots.submit_batch([event(0), event(1, ip="nowhere"), event(2)])
    assert receipt.accepted == 2
    assert receipt.rejections == (Rejection(index=1, event_id="e1", reason="ip is not an IPv4 or IPv6 address"),)
    assert ids(emu.bot_events) == ["e0", "e2"]


@pytest.mark.parametrize("given", [[], [event(ip="nowhere"), event(attributes={"mine": object()})]])
async def test_without_a_valid_event_nothing_is_sent(emu: Emulator, client: AsyncAutomations, given: Any) -> None:
    """There is no such thing as an empty batch on the server's side: it would be a 400."""
    receipt = await client.bots.submit_batch(given)
    assert (receipt.accepted, receipt.status, len(receipt.rejections)) == (0, None, len(given))
    assert emu.requests == []


async def test_a_refused_batch_raises_and_is_not_halved(emu: Emulator, client: AsyncAutomations) -> None:
    """One call is one request: who wants poisoned events found uses `submit`."""
    emu.fail_next("bot", status=400, body="")
    with pytest.raises(BadRequestError):
        await client.bots.submit_batch(events(10))
    assert len(emu.requests) == 1


@pytest.mark.parametrize(
    ("body", "receipt"),
    [
        ("", BatchReceipt(accepted=1, status=202)),
        (" \n", BatchReceipt(accepted=1, status=202)),
        ('{"request_id":"r1"}', BatchReceipt(accepted=1, status=202, request_id="r1")),
        ('{"request_id":"r1","n":[1]}', BatchReceipt(accepted=1, status=202, request_id="r1", extra={"n": [1]})),
        ('{"request_id":17}', BatchReceipt(accepted=1, status=202, extra={"request_id": 17})),
        ("[1,2]", BatchReceipt(accepted=1, status=202, extra={"body": [1, 2]})),
        ("Accepted", BatchReceipt(accepted=1, status=202, extra={"body": "Accepted"})),
    ],
)
async def test_whatever_a_success_says_is_kept(
    emu: Emulator, client: AsyncAutomations, body: str, receipt: BatchReceipt
) -> None:
    """Neither its status nor its body is documented: none of them may turn a success into an error."""
    emu.fail_next("bot", status=202, body=body)
    assert await client.bots.submit_batch([event()]) == receipt


async def test_a_web_page_is_no_success(emu: Emulator, client: AsyncAutomations) -> None:
    emu.fail_next("bot", status=200, body="<!doctype html><title>Log in</title>")
    with pytest.raises(DecodeError, match="web page"):
        await client.bots.submit_batch([event()])


@pytest.mark.parametrize("given", [event(), {"ip": "::1"}, b"{}", "events.ndjson", EventLine(data=b"{}", line=1), None])
async def test_a_batch_is_an_iterable_of_events(emu: Emulator, client: AsyncAutomations, given: Any) -> None:
    """As for `submit`: the keys of a single mapping are not events, and must not look like a handled batch."""
    with pytest.raises(ConfigError, match="Nothing was sent"):
        await client.bots.submit_batch(given)
    assert emu.requests == []


@pytest.mark.parametrize(("argument", "variable"), [("domain", "OMNIVERY_DOMAIN"), ("webhook_url", "OMNIVERY_WEBHOOK")])
async def test_a_batch_needs_a_domain_and_a_webhook(emu: Emulator, argument: str, variable: str) -> None:
    async with client_of(emu, **{argument: None}) as bare:
        with pytest.raises(ConfigError, match=rf"{argument}=.*{variable}"):
            await bare.bots.submit_batch([event()])
    assert emu.requests == []


async def test_domain_and_webhook_of_a_batch_are_the_call_s_own(emu: Emulator, client: AsyncAutomations) -> None:
    with pytest.raises(PaymentRequiredError):
        await client.bots.submit_batch([event()], domain="other.example.com")
    with pytest.raises(ConfigError, match="webhook_url"):
        await client.bots.submit_batch([event()], webhook_url="ftp://example.com/")
