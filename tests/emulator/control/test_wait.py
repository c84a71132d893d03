"""Waiting through the control API: one request instead of many."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.emulator.records.messages import MessageRecords
from omnivery.emulator.records.wait import RecordWait


def test_it_waits_for_what_is_still_to_come(control: httpx.Client, mailgun: httpx.Client) -> None:
    message = {"from": "a@mail.example.com", "to": "ann@example.com", "text": "x", "o:tag": "awaited"}
    timer = threading.Timer(0.05, mailgun.post, args=("/mail.example.com/messages",), kwargs={"data": message})
    timer.start()
    found = control.get("/_/wait/messages", params={"tag": "awaited", "timeout": 10}).json()
    timer.join()
    assert found["enough"]
    assert [each["tags"] for each in found["messages"]] == [["awaited"]]


def test_what_is_there_already_counts_unless_it_is_not_after_an_id(
    control: httpx.Client, automations: httpx.Client
) -> None:
    automations.post("/mail.example.com/bot", data={"ip": "192.0.2.1"}).raise_for_status()
    newest = control.get("/_/statistics").json()["newest"]["bot_events"]
    assert control.get("/_/wait/bot-events", params={"timeout": 0}).json()["enough"]
    late = control.get("/_/wait/bot-events", params={"timeout": 0.01, "after": newest}).json()
    assert late == {"enough": False, "bot_events": [], "more": False}
    two = control.get("/_/wait/bot-events", params={"timeout": 0.01, "count": 2}).json()
    assert (two["enough"], len(two["bot_events"])) == (False, 1), "it says what there is"


def test_a_state_that_is_reached_counts(emu: Emulator, control: httpx.Client, automations: httpx.Client) -> None:
    body = {"events": [{"ip": "192.0.2.1", "uas": "x", "event_id": "e"}], "webhook_url": emu.webhook_url}
    automations.post("/mail.example.com/bot", json=body).raise_for_status()
    found = control.get("/_/wait/deliveries", params={"state": "delivered"}).json()
    assert [each["state"] for each in found["deliveries"]] == ["delivered"]
    assert control.get("/_/wait/verdicts", params={"event_id": "e"}).json()["enough"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nothing", 404, "there are bot-events, deliveries, delivery-events, messages, requests, verdicts"),
        ("messages?count=0", 400, "count must be"),
        ("messages?timeout=-1", 400, "timeout must be a number of seconds from 0 to 600"),
        ("messages?timeout=nan", 400, "timeout must be"),
        ("messages?verdict=bot", 400, "no parameter is named 'verdict'"),
    ],
)
def test_a_wrong_wait_is_refused(control: httpx.Client, path: str, status: int, words: str) -> None:
    response = control.get(f"/_/wait/{path}")
    assert (response.status_code, words in response.json()["message"]) == (status, True)


def test_a_waiting_request_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def count(_records: MessageRecords, *_query: object, **_window: object) -> int:
        begun.set()
        return 0

    monkeypatch.setattr(MessageRecords, "count", count)
    with Emulator() as emulator:
        seen: list[bool] = []

        def wait() -> None:
            url = f"{emulator.automations_url}/_/wait/messages?timeout=60"
            seen.append(httpx.get(url, verify=False, trust_env=False, timeout=60).json()["enough"])

        thread = threading.Thread(target=wait)
        thread.start()
        assert begun.wait(30)
        started = time.monotonic()
        emulator.stop()
        thread.join(60)
    assert time.monotonic() - started < 30
    assert seen == [False]


def test_the_wait_of_a_client_that_is_gone_ends(emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would count again at each change, for up to ten minutes: some hundreds of them are a slow emulator."""
    waits: list[asyncio.Task[object] | None] = []
    begun = threading.Event()

    def count(_records: MessageRecords, *_query: object, **_window: object) -> int:
        begun.set()
        return 0

    async def result(wait: RecordWait) -> bool:
        waits.append(asyncio.current_task())
        return await real(wait)

    real = RecordWait.result
    monkeypatch.setattr(MessageRecords, "count", count)
    monkeypatch.setattr(RecordWait, "result", result)
    url = httpx.URL(emu.page_url)
    with socket.create_connection((url.host, url.port or 80)) as client:
        client.sendall(b"GET /_/wait/messages?timeout=60 HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert begun.wait(30)
    ended = time.monotonic() + 30
    while not all(task and task.done() for task in waits) and time.monotonic() < ended:
        time.sleep(0.005)
    assert [task and task.done() for task in waits] == [True]
