"""The Mailgun client: which server, which key, and what it says when the key is the wrong one."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from omnivery import AsyncMailgun, Message, RetryPolicy
from omnivery.errors import (
    AmbiguousError,
    AuthenticationError,
    ConfigError,
    DecodeError,
    ForbiddenError,
    PayloadTooLargeError,
)
from tests.support.mailgun import (
    ADDRESS,
    DOMAIN,
    QUOTED,
    client_of,
    key_of,
    reply,
    service,
)

pytestmark = pytest.mark.anyio

DETAIL = {"domain": {"name": DOMAIN}}


# Which server


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "mg-api.omnivery.net"),
        ({"region": "global"}, "mg-api.omnivery.net"),
        ({"region": "eu"}, "eu.mg-api.omnivery.net"),
        ({"region": "us"}, "us.mg-api.omnivery.net"),
        ({"region": "EU"}, "eu.mg-api.omnivery.net"),
        ({"region": " Us "}, "us.mg-api.omnivery.net"),
        ({"base_url": "https://mine.example.com/v3/"}, "mine.example.com"),
        ({"base_url": "https://mine.example.com/v3"}, "mine.example.com"),
        ({"base_url": "https://mine.example.com"}, "mine.example.com"),
        ({"base_url": "https://mine.example.com/"}, "mine.example.com"),
    ],
)
async def test_the_region_or_the_url_names_the_server(settings: dict[str, Any], host: str) -> None:
    server = service(DETAIL)
    await client_of(server, **settings).domains.get(DOMAIN)
    assert str(server.request.url) == f"https://{host}/v3/domains/{DOMAIN}"


async def test_a_url_with_a_path_of_its_own_is_taken_as_it_is() -> None:
    """A gateway may have the API below any path."""
    server = service(DETAIL)
    await client_of(server, base_url="https://mine.example.com/mail/").domains.get(DOMAIN)
    assert str(server.request.url) == f"https://mine.example.com/mail/domains/{DOMAIN}"


async def test_a_clone_may_have_another_region_or_url(monkeypatch: pytest.MonkeyPatch) -> None:
    server = service(DETAIL)
    client = client_of(server, region="us")
    for clone in (
        client,
        client.with_options(region="eu"),
        client.with_options(base_url="https://mine.example.com"),
        client.with_options(base_url="https://mine.example.com").with_options(region="global"),
        client.with_options(domain="other.example.com"),
    ):
        await clone.domains.get(DOMAIN)
    hosts = [request.url.host for request in server.requests]
    assert hosts == [
        "us.mg-api.omnivery.net",
        "eu.mg-api.omnivery.net",
        "mine.example.com",
        "mg-api.omnivery.net",
        "us.mg-api.omnivery.net",
    ]
    with pytest.raises(ConfigError, match="region and base_url"):
        client.with_options(region="eu", base_url="https://mine.example.com")
    with pytest.raises(ConfigError, match="global, eu, us"):
        client.with_options(region="asia")  # type: ignore[arg-type]
    monkeypatch.setenv("OMNIVERY_MAILGUN_URL", "http://127.0.0.1:9/v3")
    await client.with_options(region="eu").domains.get(DOMAIN)
    assert server.requests[-1].url.host == "127.0.0.1"


async def test_region_and_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "API_KEY": "key-p",
        "SENDING_KEY": "key-s",
        "DOMAIN": "other.example.com",
        "REGION": "eu",
    }.items():
        monkeypatch.setenv(f"OMNIVERY_{name}", value)
    server = service({"items": []}, {"is_valid": True})
    client = client_of(server, api_key=None, sending_key=None, domain=None)
    await client.bounces.list().first()
    await client.addresses.validate(ADDRESS)
    assert str(server.requests[0].url) == "https://eu.mg-api.omnivery.net/v3/other.example.com/bounces"
    assert [key_of(request) for request in server.requests] == ["key-p", "key-s"]


async def test_an_address_in_the_environment_goes_before_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is pointed at an emulator must not send real mail because its code names a region."""
    monkeypatch.setenv("OMNIVERY_MAILGUN_URL", "http://127.0.0.1:9/v3")
    server = service(DETAIL)
    await client_of(server, region="eu").domains.get(DOMAIN)
    assert server.request.url.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"region": "asia"}, "global, eu, us"),
        ({"region": "eu", "base_url": "https://mine.example.com/v3"}, "region and base_url"),
        ({"base_url": "mine.example.com"}, "base_url"),
        ({"adapter": "curl"}, "adapter"),
        ({"api_key": "two words"}, "key"),
    ],
)
def test_what_cannot_be_is_refused_at_once(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AsyncMailgun(**{"api_key": "key", **settings})


def test_an_unknown_region_in_the_environment_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_REGION", "asia")
    with pytest.raises(ConfigError, match="global, eu, us"):
        AsyncMailgun("key")


# Which key


@pytest.mark.parametrize(
    ("operation", "keys", "chosen"),
    [
        ("bounces", ("key-p", "key-s"), "key-p"),
        ("bounces", ("key-p", None), "key-p"),
        ("validate", ("key-p", "key-s"), "key-s"),
        ("validate", ("key-p", None), "key-p"),
        ("validate", (None, "key-s"), "key-s"),
        ("stats", ("key-p", "key-s"), "key-p"),
        ("stats", (None, "key-s"), "key-s"),
    ],
)
async def test_each_operation_gets_the_key_that_it_takes(
    operation: str, keys: tuple[str | None, str | None], chosen: str
) -> None:
    """Primary, sending, any. A sending key may have been put where the primary one belongs: the server decides."""
    server = service({"items": []} if operation == "bounces" else {})
    client = client_of(server, api_key=keys[0], sending_key=keys[1])
    if operation == "bounces":
        await client.bounces.list().first()
    elif operation == "validate":
        await client.addresses.validate(ADDRESS)
    else:
        await client.stats.total("delivered")
    assert key_of(server.request) == chosen


async def test_a_missing_primary_key_is_told_before_anything_is_sent() -> None:
    server = service(DETAIL)
    with pytest.raises(ConfigError, match=r"mailgun\.domains\.verify.*api_key.*OMNIVERY_API_KEY.*Nothing was sent"):
        await client_of(server, api_key=None).domains.verify(DOMAIN)
    assert server.requests == []


def test_without_any_key_there_is_no_client() -> None:
    with pytest.raises(ConfigError, match=r"OMNIVERY_API_KEY.*OMNIVERY_SENDING_KEY"):
        AsyncMailgun(domain=DOMAIN)


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, ForbiddenError)])
async def test_a_refused_key_says_which_kind_is_needed(status: int, error: type[Exception]) -> None:
    """The server's own word is the bare text `Forbidden`, for a wrong key and for one of the wrong kind alike."""
    server = service(httpx.Response(status, text="Forbidden"))
    client = client_of(server)
    with pytest.raises(error, match=r"\(?Forbidden.*primary key \(api_key\)"):
        await client.bounces.get(ADDRESS)
    with pytest.raises(error, match=r"sending key \(sending_key\)"):
        await client.addresses.validate(ADDRESS)
    with pytest.raises(error, match=r"or a sending key \(sending_key\) of this very domain"):
        await client.messages.send(Message(from_="a@d.e", to="b@d.e", text="x"))
    with pytest.raises(error) as caught:
        await client.stats.total("delivered")
    assert "primary" not in str(caught.value)


async def test_a_refusal_for_another_reason_still_says_what_it_could_be() -> None:
    """Keys can be bound to networks: the right key from the wrong place must not be told to be of the wrong kind."""
    server = service(reply({"message": "IP not permitted"}, 403))
    with pytest.raises(ForbiddenError, match=r"IP not permitted.*from which networks\. This operation takes"):
        await client_of(server).bounces.get(ADDRESS)


async def test_a_clone_has_what_it_was_given_and_the_rest_from_its_parent() -> None:
    server = service({"items": []})
    client = client_of(server)
    await client.with_options(domain="other.example.com", api_key="key-2").bounces.list().first()
    await client.with_options(sending_key="key-3").addresses.parse("a@d.e")
    await client.bounces.list().first()
    assert [request.url.path.split("/")[2] for request in server.requests] == ["other.example.com", "address", DOMAIN]
    assert [key_of(request) for request in server.requests] == ["key-2", "key-primary", "key-primary"]


async def test_a_clone_for_another_account_sends_with_no_key_of_the_old_one() -> None:
    server = service({"id": "<x@y>"})
    await client_of(server).with_options(api_key="key-2").messages.send(Message(from_="a@d.e", to="b@d.e", text="x"))
    assert key_of(server.request) == "key-2"


async def test_no_key_and_no_address_in_any_repr_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    server = service(reply({"message": "no"}, 400))
    client = client_of(server, observers=())
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception, match="400") as caught:
        await client.credentials.create("bob.bar", "hunter22")
    said = [repr(client), repr(client._config), caplog.text, str(caught.value), repr(caught.value.__dict__)]
    for secret in ("key-primary", "key-sending", "hunter22", "bob.bar"):
        assert secret not in "".join(said)


# Unusual responses


async def test_every_part_of_a_path_is_one_segment() -> None:
    server = service({"address": ADDRESS})
    await client_of(server, domain="bücher.example.com").complaints.get(ADDRESS)
    assert server.request.url.raw_path == f"/v3/b%C3%BCcher.example.com/complaints/{QUOTED}".encode()


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
async def test_an_empty_name_never_becomes_another_path(name: str) -> None:
    """DELETE /bounces/ would wipe the list, and an empty domain must not fall back to the client's own."""
    server = service({})
    client = client_of(server)
    for call in (client.bounces.delete(name), client.domains.delete(name), client.domains.disable(name)):
        with pytest.raises(ConfigError, match="Nothing was sent"):
            await call
    with pytest.raises(ConfigError, match="Nothing was sent"):
        await client.bounces.delete_all(domain=name)
    assert server.requests == []


async def test_html_under_200_is_no_response() -> None:
    page = httpx.Response(200, html="<html>Sign in to the hotel's network</html>")
    client = client_of(service(page))
    calls: list[Awaitable[object]] = [
        client.bounces.get(ADDRESS),
        client.bounces.delete(ADDRESS),
        client.bounces.delete_all(),
        client.bounces.list().first(),
        client.unsubscribes.get(ADDRESS),
        client.domains.get(DOMAIN),
        client.domains.tracking(DOMAIN),
        client.stats.total("delivered"),
        client.webhooks.get("opened"),
        client.webhooks.list().first(),
    ]
    for call in calls:
        with pytest.raises(DecodeError, match="HTML"):
            await call


async def test_json_inside_a_json_text_is_read() -> None:
    server = service('{"address": "a@d.e", "code": "550"}')
    assert (await client_of(server).bounces.get("a@d.e")).code == "550"


async def test_too_large_a_request_says_so() -> None:
    server = service(reply({"message": "request entity too large"}, 413))
    with pytest.raises(PayloadTooLargeError, match="send less at once"):
        await client_of(server).bounces.create(ADDRESS, error="x" * 100)


@pytest.mark.parametrize(("method", "tries"), [("create", 1), ("disable", 1), ("verify", 2), ("delete", 2)])
async def test_only_what_may_happen_twice_is_tried_twice(method: str, tries: int) -> None:
    """A second `create` is a second domain or an error; a second `verify` comes to the same as one."""
    server = service(reply({"message": "oops"}, 500))
    client = client_of(server, retry=RetryPolicy(attempts=2, base=0.001, max_backoff=0.001))
    with pytest.raises(Exception, match="500") as caught:
        await getattr(client.domains, method)(DOMAIN)
    assert len(server.requests) == tries
    assert isinstance(caught.value, AmbiguousError) == (tries == 1)


async def test_errors_survive_pickling() -> None:
    server = service(reply({"message": "Address not found in bounces table"}, 404))
    with pytest.raises(Exception, match="bounces table") as caught:
        await client_of(server).bounces.get(ADDRESS)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
