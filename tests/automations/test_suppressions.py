"""Suppressions by the Automations API: one call for each, and none of many is lost."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, CallOptions, Message, RetryPolicy
from omnivery.automations import SuppressionAdded
from omnivery.emulator import Emulator
from omnivery.errors import AmbiguousError, BulkError, ConfigError, DecodeError
from tests.support.automations import client_of, reply, service
from tests.support.golden import seen

pytestmark = pytest.mark.anyio

ADDRESS = "a+b/c@d.e"


def records(count: int) -> list[dict[str, str | None]]:
    return [{"address": f"r{number}@example.com", "type": "bounce"} for number in range(count)]


async def address_of(request: httpx.Request) -> str:
    """The address that a request is about."""
    fields = dict((await seen(request, base="https://zap-api.omnivery.net"))["body"])
    return str(fields["address"])


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(reply(None), SuppressionAdded(), id="empty"),
        pytest.param(httpx.Response(200, text="OK\n"), SuppressionAdded(message="OK"), id="text"),
        pytest.param(
            reply({"message": "Added", "address": ADDRESS, "new": 1}),
            SuppressionAdded(message="Added", address=ADDRESS, extra={"new": 1}),
            id="JSON",
        ),
    ],
)
async def test_an_undocumented_response_is_taken_as_it_comes(
    response: httpx.Response, expected: SuppressionAdded
) -> None:
    assert await client_of(service(response)).suppressions.add(ADDRESS, type="complaint") == expected


async def test_a_web_page_is_no_response() -> None:
    """A proxy's login page under 200 would otherwise pass for a suppression that is none."""
    with pytest.raises(DecodeError, match="HTML"):
        await client_of(service(httpx.Response(200, html="<html>"))).suppressions.add(ADDRESS, type="complaint")


@pytest.mark.parametrize(("address", "kind"), [("", "bounce"), (" ", "bounce"), (ADDRESS, "")])
async def test_what_is_missing_is_not_sent(address: str, kind: str) -> None:
    asked = service(None)
    with pytest.raises(ConfigError, match="must be text"):
        await client_of(asked).suppressions.add(address, type=kind)
    assert asked.requests == []


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_every_record_is_one_call(concurrency: int) -> None:
    asked = service(None)
    report = await client_of(asked).suppressions.add_many(records(20), concurrency=concurrency)
    assert (report.accepted, report.undelivered) == (20, 0)
    report.raise_for_failures()
    found = [await address_of(request) for request in asked.requests]
    assert sorted(found) == sorted(str(record["address"]) for record in records(20))


async def test_no_more_calls_are_under_way_than_asked_for() -> None:
    under_way, most = 0, 0

    async def slowly(_: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.sleep(0.001)
        under_way -= 1
        return httpx.Response(200)

    await client_of(slowly).suppressions.add_many(records(12), concurrency=3)
    assert most == 3


def failing(status: int, *, address: str) -> Callable[[httpx.Request], httpx.Response]:
    """A service that refuses one address."""

    def response(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status if address.encode() in request.content else 200)

    return response


async def test_a_record_that_fails_sinks_no_other_and_is_given_back() -> None:
    client = client_of(service(failing(400, address="r3@")))
    report = await client.suppressions.add_many(records(8), concurrency=2)
    assert (report.accepted, report.rejected) == (7, 1)
    assert report.rejections[0].index == 3
    with pytest.raises(BulkError, match="7 records were accepted, 1 rejected") as caught:
        report.raise_for_failures()
    assert pickle.loads(pickle.dumps(caught.value)).report.rejected == 1
    assert "r3@" not in f"{report!r} {caught.value}"


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_what_every_record_would_meet_ends_the_run_with_all_accounted_for(status: int) -> None:
    """A thousand calls with a wrong token are an attack, not a retry."""
    asked = service(httpx.Response(200), httpx.Response(status))
    report = await client_of(asked).suppressions.add_many(records(50), concurrency=1)
    assert len(asked.requests) == 2
    assert (report.accepted, report.undelivered) == (1, 1)
    assert report.undelivered_records() == records(50)[1:2]


async def test_a_failure_of_the_server_is_tried_again() -> None:
    """Adding a suppression twice comes to the same as once."""
    asked = service(httpx.Response(500), httpx.Response(200))
    report = await client_of(asked).suppressions.add_many(records(1))
    assert (report.accepted, len(asked.requests)) == (1, 2)


async def test_a_lost_response_is_the_records_own_failure() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        if b"r0@" in request.content:
            raise httpx.ReadError("gone", request=request)
        return httpx.Response(200)

    once = CallOptions(retry=RetryPolicy(attempts=1))
    report = await client_of(service(lost)).suppressions.add_many(records(3), options=once, concurrency=3)
    assert [type(failure.error) for failure in report.failures] == [AmbiguousError]
    assert report.accepted == 2


@pytest.mark.parametrize("wrong", ["ann@example.com", {"address": ADDRESS, "type": "bounce"}])
async def test_a_single_record_is_no_set_of_records(wrong: Any) -> None:
    asked = service(None)
    with pytest.raises(ConfigError, match="expected several") as caught:
        await client_of(asked).suppressions.add_many(wrong)
    assert asked.requests == []
    assert "ann@" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param(5, "expected a mapping", id="no mapping"),
        pytest.param({"address": ADDRESS, "type": " "}, "type: must be text", id="blank type"),
        pytest.param({"address": ADDRESS, "error": 5}, "error: must be text", id="error of another type"),
        pytest.param({"type": "bounce"}, "address: must be text", id="no address"),
        pytest.param({"address": None, "type": "bounce"}, "address: must be text", id="null"),
        pytest.param({**records(1)[0], "reason": "spam"}, "address, type and error only", id="a name too many"),
    ],
)
async def test_a_record_that_cannot_be_sent_is_rejected_and_sinks_no_other(wrong: Any, words: str) -> None:
    asked = service(None)
    report = await client_of(asked).suppressions.add_many([*records(2), wrong])
    assert (report.accepted, report.rejected, len(asked.requests)) == (2, 1, 2)
    assert report.rejections[0].index == 2
    assert words in report.rejections[0].reason


async def test_no_records_are_no_calls() -> None:
    asked = service(None)
    report = await client_of(asked).suppressions.add_many([])
    assert (report.accepted, report.undelivered, asked.requests) == (0, 0, [])


async def test_a_type_may_be_left_out() -> None:
    """The page marks it as optional; what the service then does is its own matter."""
    asked = service(None)
    await client_of(asked).suppressions.add(ADDRESS)
    report = await client_of(asked).suppressions.add_many([{"address": ADDRESS}])
    assert report.accepted == 1
    for request in asked.requests:
        assert b'name="address"' in request.content
        assert b'name="type"' not in request.content


async def test_the_emulator_blocks_an_address_without_a_type() -> None:
    async with Emulator() as emulator:
        url, domain = emulator.automations_url, emulator.domain
        async with AsyncAutomations(emulator.token, base_url=url, domain=domain) as client:
            await client.suppressions.add("ann@example.org")
            await client.messages.send(Message(from_=f"a@{domain}", to="ann@example.org", text="t"))
        async with AsyncMailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=domain) as client:
            total = await client.stats.total("failed")
    assert sum(bucket.count("failed", "permanent", "suppress-block") for bucket in total.stats) == 1
