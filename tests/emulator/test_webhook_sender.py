"""Webhooks of the emulator: signed, complete, repeated while they fail, and accounted for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator, webhook_queue
from omnivery.emulator.records.deliveries import DeliveryQuery
from omnivery.emulator.records.window import Window
from omnivery.emulator.webhook_queue import CAPACITY
from omnivery.emulator.webhook_sender import DROPPED
from omnivery.errors import OmniveryError
from omnivery.webhooks.signature import verify
from tests.support.waiting import wait_until


class Receiver:
    """A webhook receiver on a thread. It responds with `responses` in turn, then 200, and keeps what it received."""

    def __init__(self) -> None:
        self.responses: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.bodies.append(json.loads(body))
                receiver.gate.wait(30)
                self.send_response(receiver.responses.pop(0) if receiver.responses else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in body["events"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(signing_key="a-signing-key", webhook_retry_delays=(0.01, 0.01)) as made:
        yield made


def event(**fields: Any) -> dict[str, Any]:
    return {"ip": "198.51.100.1", "uas": "Mozilla/5.0", "event_id": "e1", **fields}


def submit(emu: Emulator, url: str, *events: dict[str, Any], timeout: float | httpx.Timeout = 30.0) -> httpx.Response:
    return httpx.post(
        f"{emu.automations_url}/{emu.domain}/bot",
        json={"events": events, "webhook_url": url},
        headers={"ov-token": emu.token},
        timeout=timeout,
        verify=False,
        trust_env=False,
    )


def test_verdicts_arrive_signed_and_with_own_attributes(emu: Emulator, receiver: Receiver) -> None:
    human = event(mine={"deep": [1, None, "ä"]}, ts=1_700_000_000)
    bot = event(event_id="e2", ip="192.0.2.1")
    submit(emu, receiver.url, human, bot)
    emu.wait_idle(30)
    (body,) = receiver.bodies
    assert verify(body, "a-signing-key")
    assert not verify(body, "another-key")
    assert body["events"] == [{**human, "is_bot": False}, {**bot, "is_bot": True}]
    assert body["batch"]["size"] == 2
    # What the store keeps is what was submitted, without the verdict.
    assert emu.bot_events == [human, bot]
    (attempt,) = emu.webhook_attempts
    assert (attempt.url, attempt.attempt, attempt.status, attempt.error) == (receiver.url, 1, 200, None)
    assert attempt.batch_id == body["batch"]["id"]


def test_the_silent_network_is_left_out(emu: Emulator, receiver: Receiver) -> None:
    submit(emu, receiver.url, event(ip="203.0.113.1"), event(event_id="e2"))
    submit(emu, receiver.url, event(ip="203.0.113.1", event_id="e3"))
    emu.wait_idle(30)
    assert [verdict["event_id"] for verdict in receiver.verdicts] == ["e2"]
    assert len(receiver.bodies) == 1


def test_a_failing_receiver_is_tried_again_with_a_fresh_signature(emu: Emulator, receiver: Receiver) -> None:
    """A receiver refuses tokens that it has seen, so a repeated signature would never be taken."""
    receiver.responses = [500, 302]
    submit(emu, receiver.url, event())
    emu.wait_idle(30)
    assert [(attempt.attempt, attempt.status) for attempt in emu.webhook_attempts] == [(1, 500), (2, 302), (3, 200)]
    assert len({body["signature"]["token"] for body in receiver.bodies}) == 3
    assert emu.statistics.webhooks_delivered == 1


def test_406_ends_the_matter(emu: Emulator, receiver: Receiver) -> None:
    receiver.responses = [406]
    submit(emu, receiver.url, event())
    emu.wait_idle(30)
    assert [attempt.status for attempt in emu.webhook_attempts] == [406]
    assert (emu.statistics.webhooks_rejected, emu.statistics.webhooks_given_up) == (1, 0)


def test_a_receiver_that_never_responds_is_given_up(emu: Emulator) -> None:
    submit(emu, "http://127.0.0.1:9/", event())
    emu.wait_idle(30)
    assert [attempt.attempt for attempt in emu.webhook_attempts] == [1, 2, 3]
    assert all(attempt.status is None and attempt.error for attempt in emu.webhook_attempts)
    assert emu.statistics.webhooks_given_up == 1


def test_a_lost_response_does_not_lose_the_verdicts(emu: Emulator, receiver: Receiver) -> None:
    emu.fail_next("bot", after="accepted")
    with pytest.raises(httpx.TransportError):
        submit(emu, receiver.url, event())
    emu.wait_idle(30)
    assert len(receiver.verdicts) == 1


def test_a_single_check_that_is_judged_later_may_have_a_webhook_too(receiver: Receiver) -> None:
    with Emulator(single="later", result_delay=0.01) as emu:
        url = f"{emu.automations_url}/{emu.domain}/bot"
        form = {"ip": "192.0.2.1", "event_id": "e1", "webhook_url": receiver.url}
        response = httpx.post(url, data=form, headers={"ov-token": emu.token}, verify=False, trust_env=False)
        emu.wait_idle(30)
        (body,) = receiver.bodies
        assert body["events"] == [{**form, "is_bot": True}]
        assert body["batch"]["id"] == response.json()["request_id"]


def test_webhooks_under_way_are_given_up_at_the_end_and_recorded(receiver: Receiver) -> None:
    """An emulator must stop at once, however long its retries would take."""
    receiver.responses = [500]
    with Emulator(webhook_retry_delays=(600,)) as emu:
        submit(emu, receiver.url, event())
        with pytest.raises(TimeoutError):
            emu.wait_idle(0.1)
    assert emu.webhook_attempts[-1].error == "given up: the emulator stopped"
    assert emu.statistics.webhooks_given_up == 1


@pytest.mark.parametrize("by", ["method", "control API"])
def test_a_reset_drops_webhooks_under_way(receiver: Receiver, by: str) -> None:
    """One emulator serves many tests: what one of them has begun must not arrive in the next."""
    receiver.responses = [500]
    with Emulator(webhook_retry_delays=(600,)) as emu:
        submit(emu, receiver.url, event())
        wait_until(lambda: emu.webhook_attempts)
        with pytest.raises(TimeoutError):
            emu.wait_idle(0.05)
        if by == "method":
            emu.reset()
        else:
            httpx.post(f"{emu.automations_url}/_/reset", json={}, verify=False, trust_env=False)
        emu.wait_idle(0.0)
        submit(emu, receiver.url, event(event_id="e2"))
        emu.wait_idle(30)
    assert [attempt.status for attempt in emu.webhook_attempts] == [200]
    assert [verdict["event_id"] for verdict in receiver.verdicts] == ["e1", "e2"]


def test_callers_who_outrun_their_receiver_have_to_wait(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may grow without bound, and nothing that a working receiver is to have may be dropped."""
    monkeypatch.setattr(webhook_queue, "SILENCE", 60.0)
    with Emulator() as emu:
        receiver.gate.clear()
        for _ in range(CAPACITY):
            assert submit(emu, receiver.url, event()).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            submit(emu, receiver.url, event(), timeout=httpx.Timeout(30, read=0.1))
        assert emu.bot_batches == [1] * CAPACITY
        receiver.gate.set()
        emu.wait_idle(30)
    assert emu.statistics.webhooks_given_up == 0


def test_nobody_waits_for_a_receiver_that_is_down() -> None:
    """An outage of the receiver must not become one of its senders."""
    with Emulator(webhook_retry_delays=(600,)) as emu:
        for _ in range(CAPACITY + 2):
            assert submit(emu, "http://127.0.0.1:9/", event()).status_code == 200
        found = emu._parts.store.deliveries.find(DeliveryQuery(state="waiting"), Window(limit=1000)).records
        assert len(found) == CAPACITY + 2
        assert all(record.due_at is None or record.due_at > time.time() for record in found)


def test_nobody_waits_long_for_a_receiver_that_accepts_connections_and_never_responds(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails only when its requests time out, after 10 seconds."""
    monkeypatch.setattr(webhook_queue, "SILENCE", 0.05)
    receiver.gate.clear()
    with Emulator() as emu:
        for _ in range(CAPACITY + 5):
            assert submit(emu, receiver.url, event(), timeout=9).status_code == 200
        receiver.gate.set()
        emu.wait_idle(30)
        assert emu.statistics.webhooks_delivered == CAPACITY + 5


def test_what_waits_for_a_receiver_that_is_down_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are dropped, and the records say so."""
    monkeypatch.setattr(webhook_queue, "MOST_RETRIED", 2)
    with Emulator(webhook_retry_delays=(600,)) as emu:
        for number in range(5):
            submit(emu, "http://127.0.0.1:9/", event(event_id=str(number)))
            emu.wait_for("deliveries", number + 1, timeout=30)
        assert emu.wait_for("deliveries", 3, state="given up", timeout=30)
        given_up = emu._parts.store.deliveries.find(DeliveryQuery(state="given up")).records
        assert {record.attempts[-1].error for record in given_up} == {DROPPED}
        assert [record.id for record in given_up] == [3, 2, 1]
        assert emu.statistics.webhooks_given_up == 3


def test_attempts_that_a_full_disk_leaves_unrecorded_are_made_counted_and_named(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook that failed once is tried again all the same, and nobody has to look for it in the log of asyncio."""
    receiver.responses = [500]
    receiver.gate.clear()
    with Emulator(db=tmp_path / "e.db", webhook_retry_delays=(0.01,)) as emu:
        submit(emu, receiver.url, event())
        fill(emu)
        receiver.gate.set()
        emu.wait_idle(30)
        assert len(receiver.bodies) == 2
        assert (emu.statistics.webhook_attempts, emu.statistics.webhooks_delivered) == (2, 1)
        emu._parts.store.database.execute("PRAGMA max_page_count = 1000000")
        submit(emu, receiver.url, event(event_id="e2"))
        emu.wait_idle(30)
        assert emu.webhook_attempts[-1].status == 200
    told = [record.getMessage() for record in caplog.records]
    assert [text.partition(": ")[0] for text in told] == [
        "attempts to deliver webhooks that were made and not recorded, so far 1",
        "attempts to deliver webhooks that were made and not recorded, so far 2",
    ]
    assert all("the disk is full" in text for text in told)


def fill(emu: Emulator) -> None:
    """Leave no room for an attempt in the emulator's file, as a full disk does."""
    database = emu._parts.store.database
    [[pages]] = database.rows("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages}")
    for size in (4000, 100, 0):
        with suppress(OmniveryError):
            while True:
                database.execute("INSERT INTO attempts VALUES (NULL, 9, 9, 0, 0, 0, '', ?, '', '')", bytes(size))


def test_a_receiver_that_is_down_delays_no_other(receiver: Receiver) -> None:
    with Emulator(webhook_retry_delays=(600,)) as emu:
        for _ in range(8):
            submit(emu, "http://127.0.0.1:9/", event())
        submit(emu, receiver.url, event(event_id="other"))
        assert emu.wait_for("deliveries", 1, state="delivered", timeout=30)
    assert [verdict["event_id"] for verdict in receiver.verdicts] == ["other"]


def test_room_is_made_by_deliveries(receiver: Receiver) -> None:
    """More batches than the sender holds pass through, and every verdict arrives once."""
    with Emulator() as emu:
        headers = {"ov-token": emu.token}
        with httpx.Client(base_url=emu.automations_url, headers=headers, verify=False, trust_env=False) as client:
            for number in range(2 * CAPACITY):
                body = {"events": [event(event_id=str(number))], "webhook_url": receiver.url}
                assert client.post(f"/{emu.domain}/bot", json=body).status_code == 200
        emu.wait_idle(30)
    assert sorted(int(item["event_id"]) for item in receiver.verdicts) == list(range(2 * CAPACITY))


def test_a_duplicated_webhook_comes_twice_each_time_signed_anew(emu: Emulator, receiver: Receiver) -> None:
    emu.faults = "dup=100%"
    submit(emu, receiver.url, event())
    emu.wait_idle(30)
    tokens = {body.pop("signature")["token"] for body in receiver.bodies}
    assert (len(receiver.bodies), len(tokens)) == (2, 2)
    assert receiver.bodies[0] == receiver.bodies[1]


def test_late_webhooks_do_not_slow_down_the_api(emu: Emulator, receiver: Receiver) -> None:
    emu.faults = "late=10m"
    for number in range(CAPACITY + 5):
        assert submit(emu, receiver.url, event(event_id=f"e{number}"), timeout=9).status_code == 200
    assert receiver.bodies == []
    emu.reset()


def test_a_late_webhook_is_as_late_as_was_asked_for(emu: Emulator, receiver: Receiver) -> None:
    emu.faults = "late=100ms"
    sent = time.monotonic()
    submit(emu, receiver.url, event())
    emu.wait_idle(30)
    assert len(receiver.bodies) == 1
    assert time.monotonic() - sent >= 0.1
