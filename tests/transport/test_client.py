"""The client's own part: what it is set up with, what goes out in its name, and what never leaves it."""

from __future__ import annotations

import base64
import pickle
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from omnivery import AsyncAutomations, CallOptions, Limits, RetryPolicy, Timeouts
from omnivery.automations.bots import RESULT, SUBMIT_BATCH
from omnivery.errors import ApiError, ConfigError, DecodeError, ForbiddenError, OmniveryError, TransportError
from omnivery.events.verdict import Verdict
from omnivery.transport.body import JSON, fill_path, json
from omnivery.transport.credentials import BasicKey, TokenHeader
from omnivery.transport.http import Request
from omnivery.transport.operation import Operation
from tests.support.fakes import always, http_response, serve

TOKEN = "marker7f3atoken"
BASE = "https://api.example.org"
VERDICT = b'{"is_bot": true, "request": {"event_id": "e-1"}}'
EVENT = {"ip": "203.0.113.7", "uas": "Mozilla/5.0", "event_id": "e-1"}
ONCE = RetryPolicy(attempts=1)


@define
class Wire:
    """What would have gone over the wire, and what comes back."""

    reply: Callable[[], httpx.Response] = field(default=lambda: httpx.Response(200, content=VERDICT))
    requests: list[httpx.Request] = field(factory=list[httpx.Request])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.reply()

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]


@asynccontextmanager
async def connected(wire: Wire, **settings: Any) -> AsyncIterator[AsyncAutomations]:
    """A client whose requests end in `wire`."""
    own: dict[str, Any] = {"token": TOKEN, "domain": "example.com", "base_url": BASE, **settings}
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(wire)) as transport,
        AsyncAutomations(http_client=transport, **own) as client,
    ):
        yield client


# What is missing is told before anything is sent


def test_no_token_names_argument_and_variable() -> None:
    with pytest.raises(ConfigError, match="token=… or set OMNIVERY_TOKEN"):
        AsyncAutomations()


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    """Docker and CI set variables to nothing where they mean none."""
    monkeypatch.setenv("OMNIVERY_TOKEN", blank)
    with pytest.raises(ConfigError, match="OMNIVERY_TOKEN"):
        AsyncAutomations()


def test_an_empty_token_is_none() -> None:
    with pytest.raises(ConfigError, match="OMNIVERY_TOKEN"):
        AsyncAutomations("")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"domain": None, "webhook_url": "https://example.org/hook"}, "domain=… or set OMNIVERY_DOMAIN"),
        ({"domain": "", "webhook_url": "https://example.org/hook"}, "domain=… or set OMNIVERY_DOMAIN"),
        ({}, "webhook_url=… or set OMNIVERY_WEBHOOK_URL"),
    ],
)
async def test_what_a_bulk_run_needs_is_told_before_it_begins(settings: dict[str, Any], words: str) -> None:
    wire = Wire()
    async with connected(wire, **settings) as client:
        with pytest.raises(ConfigError, match=words):
            await client.bots.submit([EVENT])
        with pytest.raises(ConfigError, match=words):
            await client.bots.submit_batch([EVENT])
    assert wire.requests == []


@pytest.mark.anyio
async def test_no_domain_is_told_at_the_first_call_that_needs_one() -> None:
    wire = Wire()
    async with connected(wire, domain=None) as client:
        with pytest.raises(ConfigError, match="domain=… or set OMNIVERY_DOMAIN"):
            await client.bots.result("r-1")
        assert (await client.bots.result("r-1", domain="other.example.com")).is_bot
    assert [request.url.path for request in wire.requests] == ["/other.example.com/bot/r-1"]


# Settings from the environment


@pytest.mark.anyio
async def test_the_environment_fills_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", f" {TOKEN}\n")
    monkeypatch.setenv("OMNIVERY_DOMAIN", "env.example.com")
    monkeypatch.setenv("OMNIVERY_AUTOMATIONS_URL", "https://env.example.org/base/")
    monkeypatch.setenv("OMNIVERY_WEBHOOK_URL", "https://env.example.org/hook")
    wire = Wire(lambda: httpx.Response(200))
    async with connected(wire, token=None, domain=None, base_url=None) as client:
        await client.bots.submit_batch([EVENT])
    assert str(wire.last.url) == "https://env.example.org/base/env.example.com/bot"
    assert wire.last.headers["ov-token"] == TOKEN
    assert b"https://env.example.org/hook" in wire.last.content


@pytest.mark.anyio
async def test_an_argument_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_TOKEN", "other")
    monkeypatch.setenv("OMNIVERY_DOMAIN", "env.example.com")
    monkeypatch.setenv("OMNIVERY_AUTOMATIONS_URL", "https://env.example.org")
    wire = Wire()
    async with connected(wire) as client:
        await client.bots.result("r-1")
    assert str(wire.last.url) == f"{BASE}/example.com/bot/r-1"
    assert wire.last.headers["ov-token"] == TOKEN


@pytest.mark.anyio
async def test_the_service_is_the_base_where_none_is_named() -> None:
    wire = Wire()
    async with connected(wire, base_url=None) as client:
        await client.bots.result("r-1")
    assert str(wire.last.url) == "https://zap-api.omnivery.net/example.com/bot/r-1"


# Settings that cannot be


@pytest.mark.parametrize(
    "base_url",
    [
        "api.example.org",
        "//api.example.org",
        "ftp://api.example.org",
        "https://",
        "https:///path",
        "https://user:marker7f3atoken@api.example.org",
        "https://user@api.example.org",
        "https://api.example.org/?key=marker7f3atoken",
        "https://api.example.org?",
        "https://api.example.org/#",
        "https://api.example.org/#part",
        "https://api.example.org:99999",
        "https://api.example.org:port",
        "https://[::1",
        "https://api.example.org/a b",
        "https://api.example.org/\n",
        " https://api.example.org",
    ],
)
def test_a_base_url_that_paths_cannot_be_appended_to_is_refused(base_url: str) -> None:
    """And not repeated in the message: it may hold a password."""
    with pytest.raises(ConfigError, match="base_url") as caught:
        AsyncAutomations(TOKEN, base_url=base_url)
    assert "marker" not in str(caught.value)


@pytest.mark.parametrize("token", ["a\nb", "a\r\nx-other: b", " ab", "a b", "ab\n", "tökén", "a\x00b"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_repeated(token: str) -> None:
    """A line break in it would be a header of its own."""
    with pytest.raises(ConfigError, match="key or token") as caught:
        AsyncAutomations(token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"adapter": "requests"},
        {"user_agent_suffix": "a\r\nb"},
        {"user_agent_suffix": "ä"},
        {"proxy": "nonsense"},
        {"proxy": "ftp://127.0.0.1:1"},
    ],
)
def test_an_argument_that_cannot_be_is_refused_at_once(settings: dict[str, Any]) -> None:
    """At construction, where the program's author looks, and not in the middle of the night."""
    with pytest.raises(ConfigError):
        AsyncAutomations(TOKEN, **settings)


def test_settings_that_a_callers_client_has_itself_are_refused() -> None:
    """They would be ignored in silence; for `verify` and `proxy` that is no small matter."""
    transport = httpx.AsyncClient(transport=httpx.MockTransport(Wire()))
    with pytest.raises(ConfigError, match="http_client"):
        AsyncAutomations(TOKEN, http_client=transport, proxy="http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="http_client"):
        AsyncAutomations(TOKEN, http_client=transport, verify=False)


@pytest.mark.parametrize("value", [0, -1, float("nan"), True, "5"])
def test_times_and_counts_must_make_sense(value: Any) -> None:
    """A timeout of zero fails every call; one of NaN never ends any."""
    for make in (
        lambda: Timeouts(read=value),
        lambda: RetryPolicy(attempts=value),
        lambda: RetryPolicy(max_retry_after=value),
        lambda: Limits(concurrency=value),
        lambda: CallOptions(deadline=value),
    ):
        with pytest.raises(ConfigError, match=r"takes (seconds above zero|a whole number from 1)"):
            make()
    if value != 0:
        with pytest.raises(ConfigError, match="takes seconds from zero up"):
            Limits(keepalive=value)


# What goes out


@pytest.mark.anyio
async def test_a_request_carries_token_agent_and_accept() -> None:
    wire = Wire()
    async with connected(wire, user_agent_suffix="shop/1.0") as client:
        await client.bots.result("r-1")
    headers = wire.last.headers
    assert (headers["ov-token"], headers["accept"]) == (TOKEN, "application/json")
    assert headers["user-agent"].startswith("omnivery-python/")
    assert headers["user-agent"].endswith(" shop/1.0")


@pytest.mark.anyio
async def test_extra_headers_go_out_and_never_in_place_of_the_token() -> None:
    """A library that passes a user's headers through must not hand over the account with them."""
    wire = Wire()
    async with connected(wire) as client:
        for name in ("ov-token", "OV-Token", "Ov-ToKeN"):
            await client.bots.result("r-1", options=CallOptions(headers={name: "other", "X-Trace": "1"}))
    for request in wire.requests:
        assert [value for name, value in request.headers.multi_items() if name == "ov-token"] == [TOKEN]
        assert request.headers["x-trace"] == "1"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "b\r\nov-token: other"},
        {"x-a": "b\n"},
        {"x\r\na": "b"},
        {"": "b"},
        {"x a": "b"},
        {"x-a:": "b"},
        {"x-a": " b"},
        {"x-a": "b\t"},
        {"x-a": "b\x00"},
        {"x-a": "ü"},
        {"ü": "b"},
    ],
)
def test_a_header_that_no_request_can_hold_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="headers"):
        CallOptions(headers=headers)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_a_header_that_frames_the_request_is_refused(name: str) -> None:
    """Another value than the true one breaks the request, or smuggles another one behind it."""
    with pytest.raises(ConfigError, match=f"headers: {name.lower()} is set by the SDK"):
        CallOptions(headers={name: "5"})


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("request_id", "segment"),
    [
        ("a+b/c@d.e", "a%2Bb%2Fc%40d.e"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("ü%41", "%C3%BC%2541"),
        ("../x", "..%2Fx"),
        ("...", "..."),
    ],
)
async def test_a_part_of_a_path_is_one_segment_whatever_it_holds(request_id: str, segment: str) -> None:
    """On the wire, as the server sees it: an e-mail address with a slash must not become another path."""
    async with (
        serve(always(http_response("200 OK", VERDICT))) as server,
        AsyncAutomations(TOKEN, domain="example.com", base_url=server.url) as client,
    ):
        await client.bots.result(request_id)
    assert [seen.target for seen in server.seen] == [f"/example.com/bot/{segment}"]


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["", " ", ".", "..", " .. "])
async def test_a_part_of_a_path_that_would_make_another_path_is_refused(value: str) -> None:
    wire = Wire()
    async with connected(wire) as client:
        with pytest.raises(ConfigError, match="request_id"):
            await client.bots.result(value)
        if value:
            with pytest.raises(ConfigError, match="domain"):
                await client.bots.result("r-1", domain=value)
    assert wire.requests == []


@given(st.text(), st.text())
def test_a_filled_path_has_the_segments_of_its_template(domain: str, name: str) -> None:
    try:
        path = fill_path("/{domain}/things/{name}", {"domain": domain, "name": name})
    except ConfigError:
        assert {domain.strip(), name.strip()} & {"", ".", ".."}
        return
    assert path.count("/") == 3
    assert not {"?", "#", " "} & set(path)
    assert httpx.URL(f"https://example.org{path}").raw_path == path.encode()


# What comes back


@pytest.mark.anyio
@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
async def test_a_web_page_under_200_is_no_verdict(content_type: str) -> None:
    """A captive portal or a proxy sends this; an empty model would read as `not a bot`."""
    page = httpx.Response(200, headers={"content-type": content_type}, content=b"<html>Welcome to the hotel</html>")
    async with connected(Wire(lambda: page)) as client:
        with pytest.raises(DecodeError, match="HTML where JSON was expected") as caught:
            await client.bots.result("r-1")
    assert caught.value.operation == "automations.bots.result"
    assert "hotel" in caught.value.body


@pytest.mark.anyio
async def test_a_raw_call_returns_the_response_with_status_and_headers() -> None:
    wire = Wire(lambda: httpx.Response(200, headers={"X-Request-Id": "r-9"}, content=VERDICT))
    async with connected(wire) as client:
        found = await client.call(RESULT, path={"request_id": "r-1"}, query=[("a", "1"), ("a", "ü &")])
    assert (found.status, found.request_id, found.attempts, found.data.is_bot) == (200, "r-9", 1, True)
    assert found.headers["x-REQUEST-id"] == "r-9"
    assert wire.last.url.raw_path == b"/example.com/bot/r-1?a=1&a=%C3%BC+%26"


@pytest.mark.anyio
async def test_options_of_a_call_come_before_those_of_the_client() -> None:
    wire = Wire(lambda: httpx.Response(500))
    async with connected(wire, timeouts=Timeouts(read=7.0)) as client:
        with pytest.raises(ApiError):
            await client.bots.result("r-1", options=CallOptions(retry=ONCE, timeouts=Timeouts(read=3.0)))
        with pytest.raises(ApiError):
            await client.bots.result("r-1", options=CallOptions(retry=ONCE))
    assert [request.extensions["timeout"]["read"] for request in wire.requests] == [3.0, 7.0]


# Redirects


@pytest.mark.anyio
@pytest.mark.parametrize("own", [True, False], ids=["the caller's client", "our transports"])
@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_a_redirect_carries_the_token_nowhere(status: str, own: bool) -> None:
    """Not even where the caller's client follows redirects by itself."""
    async with serve(always(http_response("200 OK", VERDICT))) as elsewhere:
        redirect = http_response(status, b"", f"Location: {elsewhere.url}/example.com/bot/r-1?key=hush")
        async with (
            serve(always(redirect)) as server,
            httpx.AsyncClient(verify=False, follow_redirects=True) as transport,
            AsyncAutomations(
                TOKEN, domain="example.com", base_url=server.url, http_client=transport if own else None
            ) as client,
        ):
            with pytest.raises(ApiError, match=r"The server points to 127\.0\.0\.1") as caught:
                await client.bots.result("r-1")
    assert elsewhere.seen == []
    assert len(server.seen) == 1
    assert "hush" not in str(caught.value)


# Clones


@pytest.mark.anyio
async def test_a_clone_changes_what_it_says_and_nothing_else() -> None:
    wire = Wire()
    async with connected(wire, timeouts=Timeouts(read=7.0)) as client:
        clone = client.with_options(domain="clone.example.com", token="clonetoken")
        await clone.bots.result("r-1")
        await client.bots.result("r-1")
    first, second = wire.requests
    assert (first.url.path, first.headers["ov-token"]) == ("/clone.example.com/bot/r-1", "clonetoken")
    assert (second.url.path, second.headers["ov-token"]) == ("/example.com/bot/r-1", TOKEN)
    assert {request.extensions["timeout"]["read"] for request in wire.requests} == {7.0}


@pytest.mark.anyio
async def test_a_clone_shares_connections_and_closing_it_closes_none() -> None:
    async with (
        serve(always(http_response("200 OK", VERDICT))) as server,
        AsyncAutomations(TOKEN, domain="example.com", base_url=server.url) as client,
    ):
        await client.bots.result("r-1")
        async with client.with_options(retry=ONCE) as clone:
            await clone.bots.result("r-2")
        await client.bots.result("r-3")
        assert (server.connections, len(server.seen)) == (1, 3)
        clone = client.with_options()
    with pytest.raises(ConfigError, match="closed"):
        await clone.bots.result("r-4")


@pytest.mark.parametrize("token", ["", "a\nb"])
def test_a_clone_is_checked_as_its_client_was(token: str) -> None:
    client = AsyncAutomations(TOKEN)
    with pytest.raises(ConfigError):
        client.with_options(token=token)


@pytest.mark.anyio
async def test_a_closed_client_says_so() -> None:
    client = AsyncAutomations(TOKEN, domain="example.com")
    await client.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await client.bots.result("r-1")


@pytest.mark.anyio
async def test_a_callers_client_is_left_open() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(Wire())) as transport:
        async with AsyncAutomations(TOKEN, http_client=transport, domain="example.com") as client:
            await client.bots.result("r-1")
        assert not transport.is_closed


# Secrets

SECRETS = (TOKEN, base64.b64encode(f"api:{TOKEN}".encode()).decode(), "ann@example.com", "203.0.113.7")


def hides(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


def test_no_repr_shows_a_secret() -> None:
    """Reprs end in tracebacks, notebooks and error trackers."""
    client = AsyncAutomations(TOKEN, domain="example.com", proxy=f"http://user:{TOKEN}@127.0.0.1:1")
    things: list[object] = [
        client,
        client.with_options(token=TOKEN),
        client._config,
        client._pipeline,
        client._adapter,
        BasicKey(key=TOKEN),
        TokenHeader(name="ov-token", token=TOKEN),
        CallOptions(headers={"x-key": TOKEN}),
        Request(
            method="GET",
            url=f"{BASE}/ann@example.com",
            headers=(("ov-token", TOKEN), BasicKey(key=TOKEN).header),
            content=TOKEN.encode(),
        ),
    ]
    assert [thing for thing in things if not hides(repr(thing) + str(thing))] == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda: httpx.Response(401, json={"message": f"ov-token: {TOKEN} is wrong"}), id="401 echoing it"),
        pytest.param(lambda: httpx.Response(403, text="Forbidden"), id="403"),
        pytest.param(lambda: httpx.Response(404, json={"message": "no ann@example.com here"}), id="404"),
        pytest.param(lambda: httpx.Response(500, text="oops"), id="500"),
        pytest.param(lambda: httpx.Response(200, text="<html>"), id="HTML"),
        pytest.param(lambda: httpx.Response(200, json={"is_bot": "ann@example.com"}), id="another type"),
        pytest.param(lambda: _raise(httpx.ReadTimeout(f"reading {TOKEN}")), id="timeout"),
        pytest.param(lambda: _raise(httpx.ConnectError(f"to ann@example.com with {TOKEN}")), id="no connection"),
    ],
)
async def test_no_error_shows_a_secret(reply: Callable[[], httpx.Response]) -> None:
    async with connected(Wire(reply), retry=ONCE) as client:
        with pytest.raises(OmniveryError) as caught:
            await client.bots.result("ann@example.com")
    error = caught.value
    own_part = traceback.format_exception(error, chain=False)
    assert hides(str(error) + repr(error) + own_part[-1])
    if not isinstance(error, ApiError | DecodeError):  # whose body is the server's, word for word
        assert isinstance(error, TransportError)
        assert hides(repr(pickle.loads(pickle.dumps(error)).__dict__))


def _raise(error: Exception) -> httpx.Response:
    raise error


@pytest.mark.anyio
async def test_the_word_for_a_refused_token_says_where_to_look() -> None:
    async with connected(Wire(lambda: httpx.Response(403, text="Forbidden"))) as client:
        with pytest.raises(ForbiddenError, match="check what the key may do") as caught:
            await client.bots.result("r-1")
    assert caught.value.operation == "automations.bots.result"


def test_every_operation_of_a_client_takes_its_token() -> None:
    client = AsyncAutomations(TOKEN)
    operation: Operation[Verdict] = RESULT
    assert client._config.credential(operation).header == ("ov-token", TOKEN)


# Calls that are prepared once, and made with many contents


@pytest.mark.anyio
async def test_each_request_of_a_prepared_call_is_the_one_that_a_call_sends() -> None:
    wire, options = Wire(), CallOptions(headers={"x-own": "1"})
    async with connected(wire) as client:
        path = client._path(SUBMIT_BATCH, "mail.example.com")
        prepared = client._prepared(SUBMIT_BATCH, path, options, content_type=JSON)
        for content in (b"[1]", b"[2]"):
            await prepared(content)
            await client.call(SUBMIT_BATCH, domain="mail.example.com", body=json(content), options=options)
            own, its = wire.requests[-2:]
            assert (own.method, own.url, own.headers.raw) == (its.method, its.url, its.headers.raw)
            assert own.content == its.content == content


@pytest.mark.anyio
async def test_responses_of_a_prepared_call_are_captured_and_its_errors_hide_the_token() -> None:
    wire = Wire()
    async with connected(wire, retry=ONCE) as client:
        prepared = client._prepared(SUBMIT_BATCH, "/mail.example.com/bot", CallOptions(), content_type=JSON)
        assert hides(repr(prepared))
        with client.capture() as responses:
            await prepared(b"{}")
        assert [one.status for one in responses] == [200]
        wire.reply = lambda: httpx.Response(400, text=f"no such token: {TOKEN}")
        with pytest.raises(ApiError) as caught:
            await prepared(b"{}")
    assert hides(str(caught.value))
