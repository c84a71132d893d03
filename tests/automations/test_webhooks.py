"""Webhooks by the Automations API: made, removed, and sampled."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from omnivery import AsyncAutomations, webhooks
from omnivery.emulator import Emulator
from omnivery.errors import AmbiguousError, ConfigError, DecodeError, PaymentRequiredError
from tests.support.automations import client_of, reply, service

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com/a"
REFUSED = "URL endpoint failed with error 404 - Not Found"


async def test_a_url_that_fails_the_services_check_says_so() -> None:
    """402 means here that a valid request was refused; the reason stands in a list."""
    asked = service(reply({"errors": [REFUSED, "second"]}, 402))
    with pytest.raises(PaymentRequiredError) as caught:
        await client_of(asked).webhooks.create("delivered", URL)
    assert caught.value.message == f"{REFUSED}; second"
    assert REFUSED in str(caught.value)
    assert len(asked.requests) == 1


@pytest.mark.parametrize("urls", [[], [URL] * 4, "hooks.example.com", [URL, ""]])
async def test_what_the_service_would_refuse_is_not_sent(urls: Any) -> None:
    asked = service({})
    with pytest.raises(ConfigError, match="urls"):
        await client_of(asked).webhooks.create("delivered", urls)
    with pytest.raises(ConfigError, match="type"):
        await client_of(asked).webhooks.create(" ", URL)
    assert asked.requests == []


async def test_a_lost_response_to_a_creation_is_not_repeated() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone", request=request)

    asked = service(lost)
    with pytest.raises(AmbiguousError):
        await client_of(asked).webhooks.create("delivered", URL)
    assert len(asked.requests) == 1


async def test_a_webhook_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(PaymentRequiredError, match="No webhooks deleted"):
        await client_of(service(reply({"message": "No webhooks deleted"}, 402))).webhooks.delete("delivered")


async def test_any_type_is_one_segment_of_the_path() -> None:
    """The set of types is open, and none of them leads to another endpoint."""
    asked = service({"message": "Webhook has been deleted"})
    await client_of(asked).webhooks.delete("new/type")
    assert asked.request.url.raw_path == b"/domains/mail.example.com/webhooks/new%2Ftype"


async def test_samples_are_read_as_events() -> None:
    payload = {
        "event-data": {"recipient": "ann@example.com", "delivery-status": {"message": ["Ok:", "queued"]}},
        "signature": {"timestamp": 1, "token": "t", "signature": "h"},
    }
    samples = await client_of(service([payload, {"event_data": {"event": "opened"}}])).webhooks.sample("delivered")
    assert [event.event for event in samples] == [None, "opened"]
    assert samples[0].delivery_status.text == "Ok: queued"
    # Nobody has checked that signature.
    assert (samples[0].token, samples[0].signed_at) == ("", None)


async def test_a_single_sample_may_stand_alone() -> None:
    (event,) = await client_of(service({"event-data": {"event": "opened"}})).webhooks.sample("opened")
    assert event.event == "opened"


SIGNED = b'{"timestamp":1,"token":"t","signature":"h"}'


async def test_a_sample_keeps_its_signature_and_its_body_byte_for_byte() -> None:
    first = b'{"event-data": {"event":"opened", "x": 1.50, "y": "\\u00e9]},[{"} , "signature":%b}' % SIGNED
    second = b'{"event-data":{"event":"clicked"}}'
    response = httpx.Response(200, content=b" [ %b ,\n%b]\n" % (first, second))
    samples = await client_of(service(response)).webhooks.sample("opened")
    assert [(sample.event, sample.body, sample.signature) for sample in samples] == [
        ("opened", first, json.loads(SIGNED)),
        ("clicked", second, {}),
    ]
    assert "token" not in repr(samples)


async def test_a_sample_can_be_replayed_at_ones_own_receiver() -> None:
    received: list[Any] = []

    async def handler(event: Any) -> None:
        received.append(event)

    async with Emulator() as emulator:
        url, domain = emulator.automations_url, emulator.domain
        async with AsyncAutomations(emulator.token, base_url=url, domain=domain) as client:
            (sample,) = await client.webhooks.sample("hardbounced")
        receiver = httpx.ASGITransport(webhooks.Receiver(handler, emulator.signing_key))
        async with httpx.AsyncClient(transport=receiver, base_url="http://receiver") as http:
            response = await http.post("/", content=sample.body, headers={"content-type": "application/json"})
    assert response.status_code == 200
    (event,) = received
    assert event.token == sample.signature["token"]
    assert event.delivery_status == sample.delivery_status


@pytest.mark.parametrize("response", [[5], [{}], {"message": "none"}, [[]], 5])
async def test_what_is_no_event_is_refused(response: Any) -> None:
    with pytest.raises(DecodeError, match="event-data"):
        await client_of(service(response)).webhooks.sample("opened")


async def test_no_samples_are_an_empty_list() -> None:
    assert await client_of(service([])).webhooks.sample("opened") == []
