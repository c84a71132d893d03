"""Webhooks by the Automations API: made, removed, and sampled."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from omnivery.errors import AmbiguousError, ConfigError, DecodeError, PaymentRequiredError
from tests.support.automations import client_of, reply, service

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com/a"
REFUSED = "URL endpoint failed with error 404 - Not Found"


async def test_an_address_that_fails_the_services_call_says_so() -> None:
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


@pytest.mark.parametrize("response", [[5], [{}], {"message": "none"}, [[]], 5])
async def test_what_is_no_event_is_refused(response: Any) -> None:
    with pytest.raises(DecodeError, match="event-data"):
        await client_of(service(response)).webhooks.sample("opened")


async def test_no_samples_are_an_empty_list() -> None:
    assert await client_of(service([])).webhooks.sample("opened") == []
