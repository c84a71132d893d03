"""Webhooks of a domain: up to three URLs a name, an open set of names, both vendors' responses."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery.errors import AmbiguousError, ConfigError, DecodeError
from omnivery.mail.webhook import Webhook, WebhookType
from tests.support.mailgun import (
    client_of,
    form_of,
    reply,
    service,
)

pytestmark = pytest.mark.anyio

URLS = ["https://h.example.com/1", "https://h.example.com/2?token=hush", "http://127.0.0.1:9/3"]


async def test_the_list_is_one_page_of_named_webhooks() -> None:
    body = {"webhooks": {"opened": {"urls": URLS}, "of-tomorrow": {"urls": None}, "legacy": {"url": URLS[0]}}, "new": 1}
    server = service(body)
    found = await client_of(server).webhooks.list().collect()
    assert [(hook.name, list(hook.urls)) for hook in found] == [
        ("opened", URLS),
        ("of-tomorrow", []),
        ("legacy", URLS[:1]),
    ]
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [{"webhooks": {}}, {"webhooks": None}])
async def test_a_domain_without_webhooks_has_an_empty_list(body: Any) -> None:
    assert await client_of(service(body)).webhooks.list().collect() == []


@pytest.mark.parametrize("body", [{}, [], {"webhooks": []}, {"message": "no"}])
async def test_what_is_no_list_does_not_pass_for_an_empty_one(body: Any) -> None:
    with pytest.raises(DecodeError):
        await client_of(service(body)).webhooks.list().collect()


async def test_one_webhook_has_the_name_that_was_asked_for() -> None:
    hook = await client_of(service({"webhook": {"urls": URLS}})).webhooks.get(WebhookType.HARD_BOUNCED)
    assert hook == Webhook(name="hardbounced", urls=tuple(URLS))
    assert "hush" not in repr(hook)


async def test_a_change_says_what_is_there_now() -> None:
    body = {"message": "Webhook has been updated", "webhook": {"urls": URLS[:1]}, "new": 1}
    result = await client_of(service(body)).webhooks.create("opened", URLS[0])
    assert (result.message, result.extra) == ("Webhook has been updated", {"new": 1})
    assert result.webhook == Webhook(urls=(URLS[0],))


async def test_addresses_are_one_field_each() -> None:
    server = service({"message": "ok"})
    client = client_of(server)
    await client.webhooks.create("opened", iter(URLS))
    await client.webhooks.update("opened", URLS[1])
    assert form_of(server.requests[0]) == [("id", "opened"), *(("url", url) for url in URLS)]
    assert form_of(server.requests[1]) == [("url", URLS[1])]


@pytest.mark.parametrize(
    "urls",
    [[], [*URLS, "https://h.example.com/4"], "h.example.com", ["https://h.example.com/1", "ftp://h.example.com"], ""],
)
async def test_what_cannot_be_called_is_not_sent(urls: Any) -> None:
    server = service({})
    client = client_of(server)
    for call in (client.webhooks.create("opened", urls), client.webhooks.update("opened", urls)):
        with pytest.raises(ConfigError, match="urls"):
            await call
    with pytest.raises(ConfigError, match="name"):
        await client.webhooks.create(" ", URLS)
    assert server.requests == []


async def test_a_creation_is_not_tried_again() -> None:
    """A second one is refused with "Webhook already exists", which would hide that the first succeeded."""
    server = service(reply(None, 504))
    with pytest.raises(AmbiguousError):
        await client_of(server).webhooks.create("opened", URLS)
    assert len(server.requests) == 1
