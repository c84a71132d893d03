"""The local receiver: what it lets in, what it forwards, and with which status it responds."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
import respx

from omnivery.cli.relay import Relay, RelayedCall
from omnivery.cli.webhook_post import post_adapter
from omnivery.emulator.examples import example_call
from omnivery.webhooks import sign

KEY = "key-of-the-test"
TARGET = "http://127.0.0.1:8000/hooks?secret=1"
pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnivery.webhooks.alteration.SEARCH", 10)
    monkeypatch.setattr("omnivery.webhooks.alteration.CLOCK_SKEW", 10)


def body(kind: str = "clicked", key: str = KEY) -> bytes:
    return json.dumps({**example_call(kind), "signature": sign(key)}).encode()


class Bench:
    """A relay, the calls that it showed, and a client of it."""

    def __init__(self, *keys: str, forward_to: str | None = TARGET) -> None:
        self.shown: list[RelayedCall] = []
        self.relay = Relay(
            keys=keys, tolerance=300, show=self.shown.append, forward_to=forward_to, adapter=post_adapter()
        )

    async def call(self, content: bytes, *, method: str = "POST", **headers: str) -> int:
        transport = httpx.ASGITransport(app=self.relay)
        async with httpx.AsyncClient(transport=transport, base_url="http://listener") as client:
            return (await client.request(method, "/any/path", content=content, headers=headers)).status_code


@respx.mock
async def test_a_verified_call_is_forwarded_byte_for_byte_with_its_headers() -> None:
    route = respx.post(TARGET).respond(204)
    bench, content = Bench(KEY), body()
    status = await bench.call(content, **{"content-type": "application/json; charset=utf-8", "x-own": "1"})
    [shown] = bench.shown
    sent = route.calls.last.request
    assert (status, sent.content) == (200, content)
    assert (sent.headers["x-own"], sent.headers["content-type"]) == ("1", "application/json; charset=utf-8")
    assert sent.headers["host"] == "127.0.0.1:8000"
    assert (shown.is_verified, shown.is_repeated, shown.content["event"]) == (True, False, "clicked")
    assert shown.forwarded is not None
    assert shown.forwarded.status == 204


@pytest.mark.parametrize(("theirs", "ours"), [(200, 200), (202, 200), (406, 406), (500, 500), (302, 502), (799, 502)])
@respx.mock
async def test_the_programs_status_is_our_status(theirs: int, ours: int) -> None:
    """So that the service tries again if the program wants it to, and not otherwise."""
    respx.post(TARGET).respond(theirs)
    bench = Bench(KEY)
    assert await bench.call(body()) == ours
    assert bench.shown[0].refusal is None


@respx.mock
async def test_a_program_that_is_not_there_is_a_bad_gateway() -> None:
    respx.post(TARGET).mock(side_effect=httpx.ConnectError)
    bench = Bench(KEY)
    assert await bench.call(body()) == 502
    forwarded = bench.shown[0].forwarded
    assert forwarded is not None
    assert forwarded.status is None
    assert "no connection could be made" in forwarded.words


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (lambda: body(key="another"), "signature wrong"),
        (lambda: b"{}", "signature missing"),
        (lambda: b"not JSON", "not JSON"),
        (lambda: json.dumps({"signature": sign(KEY)}).encode(), "unknown payload"),
    ],
)
@respx.mock
async def test_what_is_refused_is_not_forwarded(content: Callable[[], bytes], refusal: str) -> None:
    """A stranger who finds a tunnel's URL must not reach the program behind it."""
    route = respx.post(TARGET).respond(200)
    bench = Bench(KEY)
    assert await bench.call(content()) == 406  # signed now: minutes may have passed since the collection
    assert (route.called, bench.shown[0].refusal) == (False, refusal)


@respx.mock
async def test_the_reason_of_a_forged_call_is_looked_for_once_a_second() -> None:
    """It takes a while, and everyone can send them."""
    bench, changed = Bench(KEY), json.loads(body())
    changed["signature"]["timestamp"] += 5
    for _ in range(2):
        await bench.call(json.dumps(changed).encode())
    searched, plain = bench.shown
    assert "changed after signing" in str(searched.message)
    assert "does not fit the key" in str(plain.message)
    assert searched.refusal == plain.refusal == "signature wrong"


@respx.mock
async def test_without_a_key_no_web_page_gets_through() -> None:
    """A page that is open in the browser could post to this port, and reach the program behind it."""
    route = respx.post(TARGET).respond(200)
    bench = Bench()
    for name in ("origin", "sec-fetch-site"):
        assert await bench.call(body(), **{name: "https://evil.example"}) == 406
    assert not route.called
    assert [shown.message for shown in bench.shown] == ["a web page sent it"] * 2


@respx.mock
async def test_without_a_key_everything_that_can_be_read_is_let_in_unverified() -> None:
    respx.post(TARGET).respond(200)
    bench = Bench()
    for content in (body(key="another"), json.dumps(example_call("verdicts")).encode()):
        assert await bench.call(content) == 200
    assert [shown.is_verified for shown in bench.shown] == [False, False]
    assert await bench.call(b"no call") == 406


async def test_repeated_calls_are_marked_and_let_in() -> None:
    bench, content = Bench(KEY, forward_to=None), body()
    assert [await bench.call(content), await bench.call(content)] == [200, 200]
    assert [shown.is_repeated for shown in bench.shown] == [False, True]


async def test_other_methods_and_huge_bodies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnivery.cli.relay.MAX_BODY", 100)
    bench = Bench(KEY, forward_to=None)
    assert await bench.call(b"", method="GET") == 405
    assert await bench.call(b"x" * 101) == 413
    assert [shown.refusal for shown in bench.shown] == ["not a POST", "body too large"]


def test_no_secret_is_in_its_repr() -> None:
    assert KEY not in repr(Bench(KEY).relay)
    assert "secret" not in repr(Bench(KEY).relay)
