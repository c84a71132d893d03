"""Single checks: the form that goes out, the verdict or the promise that comes back, and the wait for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import MappingProxyType
from typing import Any

import pytest

from omnivery import AsyncAutomations, BotEvent
from omnivery.automations import PendingVerdict, Verdict, bots
from omnivery.emulator import Emulator
from omnivery.errors import (
    AuthenticationError,
    ConfigError,
    DecodeError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitError,
    VerdictPendingError,
)
from tests.support.bots import (
    ONCE,
    client_of,
    event,
    form_of,
    pickled,
    requests_of,
)

pytestmark = pytest.mark.anyio

BOT = BotEvent(ip="192.0.2.1", uas="curl/8", event_id="e1", ts=1_700_000_000)


class Whole:
    """What numpy's integers are to us."""

    def __index__(self) -> int:
        return 7


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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again soon."""
    monkeypatch.setattr(bots, "POLL_FIRST", 0.01)


async def test_a_check_responds_with_its_verdict(emu: Emulator, client: AsyncAutomations) -> None:
    verdict = await client.bots.check(BOT)
    assert isinstance(verdict, Verdict)
    assert (verdict.is_bot, verdict.event_id) == (True, "e1")
    assert verdict.request == BotEvent(ip="192.0.2.1", uas="curl/8", event_id="e1", ts=1_700_000_000)
    assert "192.0.2.1" in repr(verdict)
    human = await client.bots.check({"ip": "198.51.100.1"})
    assert isinstance(human, Verdict)
    assert human.is_bot is False


async def test_a_check_may_be_judged_later(client: AsyncAutomations) -> None:
    """The domain goes with it: its result is found under that domain alone."""
    with Emulator(single="later", bot_domains=["two.example.com"]) as later:
        async with client_of(later) as own:
            pending = await own.bots.check(BOT, domain="two.example.com")
    assert isinstance(pending, PendingVerdict)
    assert pending.request_id
    assert pending.domain == "two.example.com"


async def test_the_form_of_a_check_on_the_wire() -> None:
    """Multipart, one text field for each of the event's; what is no text travels as JSON, and None not at all."""
    (request,) = await requests_of(
        lambda own: own.bots.check(
            BotEvent(
                ip="192.0.2.1",
                uas="Mözilla\r\n--x",
                ts=5,
                attributes={"n": 1.5, "flag": True, "deep": {"a": [None]}, 'quo"te': "plain"},
            )
        )
    )
    assert (request.method, request.url.path) == ("POST", "/mail.example.com/bot")
    assert form_of(request) == [
        ("ip", "192.0.2.1"),
        ("uas", "Mözilla\r\n--x"),
        ("ts", "5"),
        ("n", "1.5"),
        ("flag", "true"),
        ("deep", '{"a":[null]}'),
        ("quo%22te", "plain"),
    ]


async def test_a_check_sends_its_verdict_only_where_it_is_told_to() -> None:
    """The client's own webhook is for batches: a single check's response is its return value."""
    silent, loud = await requests_of(
        lambda own: own.bots.check(BOT), lambda own: own.bots.check(BOT, webhook_url="https://example.com/hook")
    )
    assert "webhook_url" not in dict(form_of(silent))
    assert form_of(loud)[-1] == ("webhook_url", "https://example.com/hook")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (BotEvent(ip="192.0.2.1", ts=Whole()), ("ts", "7")),  # type: ignore[arg-type]  # what a data frame's row holds
        ({"ip": "192.0.2.1", "ts": Whole()}, ("ts", "7")),
        ({"ip": "192.0.2.1", "mine": MappingProxyType({"n": Whole()})}, ("mine", '{"n":7}')),
    ],
)
async def test_a_check_takes_the_values_that_a_batch_takes(given: Any, field: tuple[str, str]) -> None:
    """The same event must not be good for the one call and bad for the other."""
    (request,) = await requests_of(lambda own: own.bots.check(given))
    assert form_of(request) == [("ip", "192.0.2.1"), field]


@pytest.mark.parametrize("given", [BotEvent(ip="::ffff:192.0.2.1"), {"ip": "::FFFF:192.0.2.1"}])
async def test_a_check_sends_an_ipv4_mapped_address_as_that_ipv4_address(given: Any) -> None:
    (request,) = await requests_of(lambda own: own.bots.check(given))
    assert form_of(request) == [("ip", "192.0.2.1")]


@pytest.mark.parametrize(
    "given",
    [
        BotEvent(),
        BotEvent(event_id="e1", action="open"),
        {"ip": "", "uas": ""},
        {"ip": "nowhere"},
        {"ip": 5},
        BotEvent(ip="192.0.2.1", attributes={"mine": object()}),
        BotEvent(ip="192.0.2.1", attributes={"mine": b"bytes"}),
        BotEvent(ip="192.0.2.1", attributes={"ip": "198.51.100.1"}),
        BotEvent(uas="\ud800"),
        BotEvent(uas="-", attributes={"mine": ["\ud800"]}),
        {"uas": "-", 5: "x"},
    ],
    ids=["nothing", "neither", "empty", "no-ip", "no-text", "object", "bytes", "shadowed", "surrogate", "deep", "key"],
)
async def test_a_check_that_cannot_be_sent_is_a_config_error(
    emu: Emulator, client: AsyncAutomations, given: Any
) -> None:
    with pytest.raises(ConfigError, match="Nothing was sent"):
        await client.bots.check(given)
    assert emu.requests == []


async def test_a_check_that_is_refused(emu: Emulator, client: AsyncAutomations) -> None:
    with pytest.raises(PaymentRequiredError, match="not enabled"):
        await client.bots.check(BOT, domain="other.example.com")
    emu.fail_next("bot", status=429, retry_after=7)
    with pytest.raises(RateLimitError) as caught:
        await client.bots.check(BOT, options=ONCE)
    assert caught.value.retry_after == 7


async def test_what_the_response_does_not_say_is_not_guessed(emu: Emulator, client: AsyncAutomations) -> None:
    """Without `is_bot` a verdict is neither True nor False: code that deletes the clicks of bots must see that."""
    for body in ('{"request":{"event_id":"e1"}}', '{"is_bot":null,"request":{"event_id":"e1"},"new":1}'):
        emu.fail_next("bot.result", status=200, body=body)
        verdict = await client.bots.result("r1")
        assert (verdict.is_bot, verdict.event_id) == (None, "e1")
        emu.fail_next("bot", status=200, body=body)
        checked = await client.bots.check(BOT)
        assert checked == verdict
    assert verdict.extra == {"new": 1}


@pytest.mark.parametrize("value", ['"true"', '"false"', "1", "0", "[]"])
async def test_a_truth_value_is_one(emu: Emulator, client: AsyncAutomations, value: str) -> None:
    """`bool("false")` is True: a text must never become a verdict."""
    emu.fail_next("*", status=200, body=f'{{"is_bot":{value},"request":{{}}}}', times=2)
    with pytest.raises(DecodeError) as caught:
        await client.bots.check(BOT)
    assert caught.value.path == "$.is_bot"
    with pytest.raises(DecodeError):
        await client.bots.result("r1")


async def test_a_result_is_asked_for_by_its_quoted_id(emu: Emulator, client: AsyncAutomations) -> None:
    with pytest.raises(NotFoundError, match="not processed yet or has expired"):
        await client.bots.result("a/../b")
    assert emu.requests == [("GET", "bot.result", 404)]


@pytest.mark.usefixtures("quick")
async def test_waiting_asks_until_the_verdict_is_there() -> None:
    with Emulator(single="later", result_delay=0.05, bot_domains=["two.example.com"]) as later:
        async with client_of(later) as own:
            pending = await own.bots.check(BOT, domain="two.example.com")
            assert isinstance(pending, PendingVerdict)
            verdict = await own.bots.wait(pending, deadline=30)
    assert (verdict.is_bot, verdict.event_id) == (True, "e1")
    *asked, last = later.requests[1:]
    assert last == ("GET", "bot.result", 200)
    assert set(asked) <= {("GET", "bot.result", 404)}


@pytest.mark.usefixtures("quick")
async def test_waiting_outlasts_a_failing_server(emu: Emulator, client: AsyncAutomations) -> None:
    emu.fail_next("bot.result", status=500)
    emu.fail_next("bot.result", after="received")
    emu.fail_next("bot.result", status=200, body='{"is_bot":true,"request":{}}')
    assert (await client.bots.wait(PendingVerdict(request_id="r1"), deadline=30)).is_bot is True


@pytest.mark.usefixtures("quick")
async def test_waiting_ends_with_its_deadline(emu: Emulator, client: AsyncAutomations) -> None:
    """A 404 may mean `not yet` and `no longer`: only the caller's own deadline can end the wait."""
    pending = await client.bots.check(event())
    assert isinstance(pending, PendingVerdict)
    with pytest.raises(VerdictPendingError) as caught:
        await client.bots.wait(pending, deadline=0.3)
    assert caught.value.request_id == pending.request_id
    assert pickled(caught.value).request_id == pending.request_id
    assert len(emu.requests) >= 2


async def test_waiting_for_a_server_that_hangs_ends_too() -> None:
    with Emulator() as hanging:
        hanging.fail_next("bot.result", delay=600, times=9)
        async with client_of(hanging) as own:
            with pytest.raises(VerdictPendingError):
                await own.bots.wait(PendingVerdict(request_id="r1"), deadline=0.1)


async def test_waiting_with_a_wrong_token_ends_at_once(emu: Emulator) -> None:
    async with client_of(emu, token="wrong") as wrong:
        with pytest.raises(AuthenticationError):
            await wrong.bots.wait(PendingVerdict(request_id="r1"))
    assert len(emu.requests) == 1
