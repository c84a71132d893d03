"""What a caller does to an event after it was handed over changes nothing of what is sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

import pytest

from omnivery import AsyncMailgun, Automations, BotEvent
from omnivery.automations import EventLine, UnreadableLine
from omnivery.emulator import Emulator
from omnivery.events.event import EventLike
from omnivery.events.snapshot import snapshot
from tests.support.bots import WEBHOOK, client_of


class _OwnEvent(BotEvent):
    """An event of a class of the caller's own."""


class _OwnMapping(Mapping[str, Any]):
    def __init__(self, inner: dict[str, Any]) -> None:
        self.inner = inner

    def __getitem__(self, name: str) -> Any:
        return self.inner[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)


class _Broken(_OwnMapping):
    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("closed")


@pytest.mark.parametrize("make", [dict, OrderedDict, MappingProxyType, _OwnMapping])
def test_a_mapping_of_any_kind_is_copied_with_what_is_nested_in_it(make: Any) -> None:
    tags = ["a"]
    nested = {"deep": [{"list": tags}], "pair": (tags,)}
    fields: dict[str, Any] = {"event_id": "1", "tags": tags, "nested": nested}
    kept = snapshot(make(fields))
    fields["event_id"] = "2"
    tags.append("b")
    nested["more"] = []
    assert kept == {"event_id": "1", "tags": ["a"], "nested": {"deep": [{"list": ["a"]}], "pair": (["a"],)}}


@pytest.mark.parametrize("kind", [BotEvent, _OwnEvent])
@pytest.mark.parametrize("make", [dict, MappingProxyType, _OwnMapping])
def test_an_event_is_copied_with_its_attributes(kind: type[BotEvent], make: Any) -> None:
    own: dict[str, Any] = {"tags": ["a"]}
    event = kind(
        ip="192.0.2.1",
        uas="x",
        event_id="1",
        action="open",
        domain="a.example",
        recipient_id="r",
        message_id="m",
        ts=1,
        message_ts=2,
        attributes=make(own),
    )
    kept = snapshot(event)
    assert isinstance(kept, kind)
    before = kept.to_fields()
    event.event_id = "2"
    own["tags"].append("b")
    own["more"] = 1
    assert kept.to_fields() == before
    assert (kept.event_id, kept.attributes) == ("1", {"tags": ["a"]})


@pytest.mark.parametrize("event", [b"{}", EventLine(data=b"{}", line=1), UnreadableLine(line=1, reason="r")])
def test_what_is_made_anew_for_each_line_is_not_copied(event: EventLike) -> None:
    assert snapshot(event) is event


def test_an_event_that_cannot_be_copied_is_left_to_its_encoder() -> None:
    """It is a rejected event then, and no error of the source, which would end the run."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    for odd in (endless, {"lock": Lock()}, _Broken({})):
        assert snapshot(odd) is odd


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as running:
        yield running


def reused(one: Any) -> Iterator[EventLike]:
    """One object again and again, with other values: what a loop over rows often does."""
    for number in range(3):
        if isinstance(one, BotEvent):
            one.event_id = f"e{number}"
        else:
            one["event_id"] = f"e{number}"
        yield one


async def reused_slowly(one: Any) -> AsyncIterator[EventLike]:
    for event in reused(one):
        yield event


MADE: list[Callable[[], Any]] = [lambda: {"ip": "192.0.2.1", "uas": "x"}, lambda: BotEvent(ip="192.0.2.1", uas="x")]


def received(emulator: Emulator) -> list[str]:
    return sorted(str(event["event_id"]) for event in emulator.bot_events)


@pytest.mark.anyio
@pytest.mark.parametrize("make", MADE, ids=["dict", "BotEvent"])
@pytest.mark.parametrize("way", ["submit", "submit slowly", "submit_batch", "stream", "writer"])
async def test_a_run_sends_what_it_was_given(emulator: Emulator, way: str, make: Callable[[], Any]) -> None:
    """Three events accepted, and the service got the last one three times: two clicks were lost in silence."""
    emulator.reset()
    async with client_of(emulator) as client:
        match way:
            case "submit":
                await client.bots.submit(reused(make()))
            case "submit slowly":
                await client.bots.submit(reused_slowly(make()))
            case "submit_batch":
                await client.bots.submit_batch(reused_slowly(make()))
            case "stream":
                async with client.bots.stream(reused(make())) as outcomes:
                    assert [len(outcome.accepted) async for outcome in outcomes] == [3]
            case _:
                async with client.bots.writer(linger=60) as writer:
                    for event in reused(make()):
                        await writer.put(event)
    assert received(emulator) == ["e0", "e1", "e2"]


@pytest.mark.parametrize("make", MADE, ids=["dict", "BotEvent"])
@pytest.mark.parametrize("way", ["submit", "journal", "submit_batch", "stream", "writer"])
def test_a_run_of_a_thread_sends_what_it_was_given(
    emulator: Emulator, way: str, make: Callable[[], Any], tmp_path: Path
) -> None:
    emulator.reset()
    options: dict[str, Any] = {"base_url": emulator.automations_url, "domain": emulator.domain, "webhook_url": WEBHOOK}
    with Automations(emulator.token, **options) as client:
        match way:
            case "submit":
                client.bots.submit(reused(make()))
            case "journal":
                client.bots.submit(reused(make()), journal=tmp_path / "run.journal")
            case "submit_batch":
                client.bots.submit_batch(reused(make()))
            case "stream":
                with client.bots.stream(reused(make())) as outcomes:
                    assert [len(outcome.accepted) for outcome in outcomes] == [3]
            case _:
                with client.bots.writer(linger=60) as writer:
                    for event in reused(make()):
                        writer.put(event)
    assert received(emulator) == ["e0", "e1", "e2"]


@pytest.mark.anyio
async def test_a_list_that_is_changed_while_a_batch_of_it_waits_for_its_turn(emulator: Emulator) -> None:
    """A batch that a rate holds back was read, and is sent as it was read."""
    emulator.reset()
    events = [{"ip": "192.0.2.1", "uas": "x", "event_id": f"e{number}"} for number in range(1000)]

    def spoil(_: object) -> None:
        for event in events:
            event["event_id"] = "spoilt"

    async with client_of(emulator) as client:
        await client.bots.submit(events, concurrency=2, events_per_second=1000, on_progress=spoil)
    assert received(emulator) == sorted(f"e{number}" for number in range(1000))


@pytest.mark.anyio
async def test_suppression_records_are_kept_too(emulator: Emulator) -> None:
    def records() -> Iterator[dict[str, Any]]:
        one: dict[str, Any] = {}
        for number in range(3):
            one["address"] = f"r{number}@a.example"
            yield one

    settings: dict[str, Any] = {"base_url": emulator.mailgun_url, "domain": emulator.domain}
    async with AsyncMailgun(emulator.api_key, **settings) as client:
        await client.bounces.create_many(records())
        found = {bounce.address async for bounce in client.bounces.list()}
    assert found == {"r0@a.example", "r1@a.example", "r2@a.example"}
