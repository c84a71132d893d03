"""Raw calls: endpoints without a method, raw responses of typed calls, and headers that every request has."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, CallOptions, Mailgun, Message, RetryPolicy
from omnivery.emulator import Emulator
from omnivery.errors import AmbiguousError, ConfigError, DecodeError, NotFoundError, OmniveryError
from tests.support import automations
from tests.support.fakes import FakeObserver
from tests.support.mailgun import DOMAIN, client_of, form_of, json_of, key_of, reply, service

pytestmark = pytest.mark.anyio

FAST = CallOptions(retry=RetryPolicy(attempts=3, base=0.001, throttle_base=0.001, max_backoff=0.001))


# Endpoints without a method


async def test_a_request_has_the_clients_address_key_and_headers() -> None:
    server = service({"items": [1]})
    found = await client_of(server).request("get", "/{domain}/events", query=[("event", "failed"), ("event", "opened")])
    assert str(server.request.url) == f"https://mg-api.omnivery.net/v3/{DOMAIN}/events?event=failed&event=opened"
    assert server.request.method == "GET"
    assert key_of(server.request) == "key-primary"
    assert (found.status, found.data, found.content) == (200, {"items": [1]}, b'{"items":[1]}')
    assert found.attempts == 1


async def test_it_goes_below_any_base_url_and_to_a_domain_of_its_own() -> None:
    server = service({})
    client = automations.client_of(server, base_url="https://zap.example.com/gate")
    await client.request("POST", "{domain}/new", domain="other.example.com", json={"a": [1]})
    assert str(server.request.url) == "https://zap.example.com/gate/other.example.com/new"
    assert server.request.headers["ov-token"] == "t0k3n"
    assert json_of(server.request) == {"a": [1]}


@pytest.mark.parametrize("form", [{"a": "1", "b": "ü"}, [("a", "1"), ("b", "ü")]])
async def test_a_form_is_url_encoded(form: Any) -> None:
    server = service({})
    await client_of(server).request("PUT", "things", form=form)
    assert form_of(server.request) == [("a", "1"), ("b", "ü")]


@pytest.mark.parametrize(
    ("content", "data"),
    [
        (b"", None),
        (b" \n", None),
        (b"OK", "OK"),
        (b'"text"', "text"),
        (b"[1]", [1]),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
async def test_whatever_comes_back_is_given(content: bytes, data: Any) -> None:
    found = await client_of(service(httpx.Response(200, content=content))).request("GET", "x")
    assert (found.data, found.content) == (data, content)
    with pytest.raises(DecodeError, match="HTML"):
        await client_of(service(httpx.Response(200, html="<html>"))).request("GET", "x")


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/x",
        "http://evil.example",
        "//evil.example/x",
        "\\\\evil.example",
        "/\\evil.example",
        "../domains",
        "/a/./b",
        "a/%2e%2E/b",
        "%2e",
        "/domains?limit=1",
        "/domains#x",
        "/{name}/x",
        "/{}/x",
    ],
)
async def test_no_path_leads_the_key_elsewhere(path: str) -> None:
    server = service({})
    with pytest.raises(ConfigError, match=r"^path: .*Nothing was sent\.$"):
        await client_of(server).request("GET", path)
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("a%2Fb/c", b"/v3/a%2Fb/c"),
        ("/a b/ü", b"/v3/a%20b/%C3%BC"),
        ("@evil.example/x", b"/v3/@evil.example/x"),
        ("/a/\r\nX-Evil: 1", b"/v3/a/%0D%0AX-Evil:%201"),
        (f"/{DOMAIN}/x;y=1", b"/v3/mail.example.com/x;y=1"),
    ],
)
async def test_a_path_is_sent_as_it_is_and_encoded_where_it_must_be(path: str, raw: bytes) -> None:
    server = service({})
    await client_of(server).request("GET", path)
    assert (server.request.url.host, server.request.url.raw_path) == ("mg-api.omnivery.net", raw)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "GE T"}, "method: "),
        ({"method": ""}, "method: "),
        ({"safety": "once"}, "safety: "),
        ({"json": {}, "form": {}}, "json and form"),
        ({"json": {"x": object()}}, "json: a value has no JSON form"),
        ({"path": "/{domain}/x", "domain": "no domain"}, "domain: "),
    ],
)
async def test_what_cannot_be_is_not_sent(changes: dict[str, Any], words: str) -> None:
    server = service({})
    arguments = {"method": "POST", "path": "/x", **changes}
    with pytest.raises(ConfigError, match=words):
        await client_of(server).request(arguments.pop("method"), arguments.pop("path"), **arguments)
    assert server.requests == []


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("gone", request=request)


@pytest.mark.parametrize(
    ("method", "safety", "tries"),
    [
        ("GET", None, 3),
        ("HEAD", None, 3),
        ("POST", None, 1),
        ("PUT", None, 1),
        ("DELETE", None, 1),
        ("POST", "safe", 3),
        ("DELETE", "idempotent", 3),
        ("GET", "non_idempotent", 1),
    ],
)
async def test_only_what_may_be_repeated_is_retried(method: str, safety: Any, tries: int) -> None:
    """What an unknown endpoint does twice is not known: unless it reads, or the caller says so, it is done once."""
    server = service(lost)
    with pytest.raises(AmbiguousError) as caught:
        await client_of(server).request(method, "x", safety=safety, options=FAST)
    assert len(server.requests) == tries
    assert caught.value.operation == "mailgun.request"


async def test_errors_are_those_of_every_call_and_logs_show_no_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "omnivery")
    observer = FakeObserver()
    client = client_of(service(reply({"message": "no such thing"}, 404)), observers=[observer])
    with pytest.raises(NotFoundError, match=r"mailgun\.request: 404 Not Found \(no such thing\)"):
        await client.request("GET", "/{domain}/things/ann@example.com/bob%40example.com")
    (attempt,) = observer.attempts
    assert (attempt.operation, attempt.method, attempt.path) == (
        "mailgun.request",
        "GET",
        "/{domain}/things/***@***/***@***",
    )
    assert "ann@" not in caplog.text


def test_the_synchronous_client_has_it_too() -> None:
    with (
        Emulator() as emulator,
        Mailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client,
    ):
        assert client.request("GET", "domains").data["total_count"] == 1
        made = client.request("POST", "{domain}/bounces", form={"address": "a@b.co"}, safety="idempotent")
        assert made.data["address"] == "a@b.co"
        with pytest.raises(ConfigError, match="path: "):
            client.request("GET", "https://evil.example")


# Raw responses of typed calls


async def test_the_raw_responses_of_typed_calls_are_kept_while_the_block_is_open() -> None:
    server = service(
        httpx.Response(200, headers={"x-request-id": "r1"}, content=b'{"address": "a@b.co" }'), {"items": []}
    )
    client = client_of(server)
    with client.capture() as responses:
        assert (await client.bounces.get("a@b.co")).address == "a@b.co"
        await client.with_options(domain="other.example.com").bounces.list()
    await client.bounces.list()
    first, second = responses
    assert (first.content, first.headers["x-request-id"], first.request_id) == (b'{"address": "a@b.co" }', "r1", "r1")
    assert first.data.address == "a@b.co"
    assert second.content == b'{"items":[]}'


async def test_a_block_has_its_own_tasks_calls_and_no_others() -> None:
    client, other = client_of(service({"items": []})), client_of(service({"items": []}))
    counts: list[int] = []

    async def work(times: int) -> None:
        with client.capture() as responses:
            for _ in range(times):
                await client.bounces.list()
                await anyio.lowlevel.checkpoint()
            async with anyio.create_task_group() as inner:
                inner.start_soon(client.bounces.list().first)
            await other.bounces.list()
        counts.append(len(responses))

    async with anyio.create_task_group() as tasks:
        for times in (1, 2, 3):
            tasks.start_soon(work, times)
    assert sorted(counts) == [2, 3, 4]


async def test_blocks_may_be_nested_and_a_refusal_adds_nothing() -> None:
    client = client_of(service({"items": []}, reply({"message": "no"}, 404), {"items": []}))
    with client.capture() as outer:
        await client.bounces.list()
        with client.capture() as inner, pytest.raises(NotFoundError):
            await client.bounces.get("a@b.co")
        await client.bounces.list()
    assert (len(outer), len(inner)) == (2, 0)


def test_the_synchronous_client_captures_bulk_work_too() -> None:
    with (
        Emulator() as emulator,
        Mailgun(emulator.api_key, base_url=emulator.mailgun_url, domain=emulator.domain) as client,
    ):
        letters = [Message(from_=f"a@{emulator.domain}", to="b@x.net", text="t") for _ in range(3)]
        with client.capture() as responses:
            client.domains.get(emulator.domain)
            client.messages.send_many(letters)
        assert len(responses) == 4
        assert all(b"Queued" in one.content for one in responses[1:])


# Headers of every request


async def test_a_clients_headers_go_with_every_request_and_never_replace_the_credential() -> None:
    server = service({"items": []})
    headers = {"X-Team": "mail", "X-Both": "client", "Authorization": "Basic evil", "User-Agent": "mine"}
    client = client_of(server, headers=headers)
    await client.bounces.list(options=CallOptions(headers={"x-both": "call"}))
    await client.with_options(headers={"X-Team": "other"}).bounces.list()
    first, second = server.requests
    assert (first.headers["x-team"], first.headers["x-both"], first.headers["user-agent"]) == ("mail", "call", "mine")
    assert key_of(first) == key_of(second) == "key-primary"
    assert (second.headers["x-team"], "x-both" in second.headers) == ("other", False)
    with pytest.raises(ConfigError, match="headers: "):
        client_of(server, headers={"X": "a\nb"})
    with pytest.raises(ConfigError, match="headers: "):
        client.with_options(headers={"X": "ü"})


# A server that echoes the credential


@pytest.mark.parametrize("status", [400, 401, 500, 200])
async def test_a_token_that_a_server_echoes_is_masked(status: int) -> None:
    """It would stand in the exception's text, and from there in everybody's log."""
    token = "s3cr3t/token+value"
    body = {"message": f"bad token {token} (s3cr3t%2Ftoken%2Bvalue)"} if status != 200 else [token]
    response = httpx.Response(status, json=body)
    client = automations.client_of(service(response)).with_options(token=token)
    with pytest.raises(OmniveryError) as caught:
        await client.suppressions.add("ann@example.com", options=CallOptions(retry=RetryPolicy(attempts=1)))
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cr3t" not in f"{error} {error.args} {vars(error)}"
        error = error.__cause__


async def test_a_key_is_masked_in_both_its_forms() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, text=f"no: {request.headers['authorization']} key-primary-123")

    with pytest.raises(OmniveryError) as caught:
        await client_of(service(echo), api_key="key-primary-123").bounces.get("a@b.co")
    assert "key-primary-123" not in f"{caught.value} {vars(caught.value)}"
    assert str(caught.value).count("***") >= 2


# Proxies of the environment


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.example.com/v3", None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "https://api.example.com/v3", "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://api.example.com/v3", None),
        ({"HTTP_PROXY": "proxy.example:3128"}, "http://api.example.com/v3", "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example:1"}, "https://api.example.com/v3", "http://proxy.example:1"),
        ({"HTTPS_PROXY": "http://p.example:1", "NO_PROXY": "example.com"}, "https://api.example.com/v3", None),
        (
            {"HTTPS_PROXY": "http://p.example:1", "NO_PROXY": "api.example.com:444"},
            "https://api.example.com:444/v3",
            None,
        ),
        ({"HTTPS_PROXY": "http://p.example:1", "NO_PROXY": "*"}, "https://api.example.com/v3", None),
    ],
)
async def test_the_environments_proxy_is_used_only_if_it_is_trusted(
    environment: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for made in (AsyncMailgun("key", base_url=url), AsyncAutomations("token", base_url=url)):
        assert made._adapters.proxy is None
    for made in (
        AsyncMailgun("key", base_url=url, trust_env=True),
        AsyncAutomations("token", base_url=url, trust_env=True),
    ):
        assert made._adapters.proxy == proxy
    mine = AsyncMailgun("key", base_url=url, trust_env=True, proxy="http://mine.example:1")
    assert mine._adapters.proxy == "http://mine.example:1"


def test_a_client_of_ones_own_has_its_own_proxies() -> None:
    with pytest.raises(ConfigError, match="trust_env"):
        AsyncMailgun("key", http_client=httpx.AsyncClient(), trust_env=True)


async def test_requests_go_through_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain request through a proxy is one for the whole URL."""
    seen: list[bytes] = []

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            seen.append(await stream.receive())
            await stream.send(b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{"items":[]}')

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        async with AsyncMailgun("key", base_url="http://api.example.com", domain=DOMAIN, trust_env=True) as client:
            assert not await client.bounces.list()
        tasks.cancel_scope.cancel()
    await listener.aclose()
    assert seen[0].startswith(f"GET http://api.example.com/v3/{DOMAIN}/bounces HTTP/1.1\r\n".encode())
