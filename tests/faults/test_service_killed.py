"""`kill -9` of what runs without an end: a service with a writer, and a receiver of verdicts with a store."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from omnivery import AsyncAutomations, codec, webhooks
from omnivery.automations import SubmitReport
from omnivery.emulator import Emulator
from omnivery.webhooks import VerdictStore
from tests.faults.figures import Figures
from tests.faults.inputs import WORKER
from tests.faults.wire import Event, Wire
from tests.support.journal import accepted_ids, as_killed, where_events_are

ROUNDS = 8
CONCURRENCY = 4
KEY = "a-signing-key"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is killed in the end, if it was not before."""
    with subprocess.Popen(
        (*WORKER, *arguments),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_what_a_writer_has_flushed_survives_a_kill(tmp_path: Path, figures: Figures) -> None:
    """The same service again and again: what `flush` had returned for is in the journal, and the server has it.

    What was put and not yet flushed may be lost with the process: that is what the buffer is.
    """
    dice = random.Random(f"{figures.seed} writer")
    journal, put, promised, repeatable = tmp_path / "j", 0, 0, 0
    with Emulator() as emulator, Wire(emulator) as wire:
        for _ in range(ROUNDS):
            # Each begins behind what the one before it may have put.
            begin = put
            options = ("writer", str(begin), "--journal", str(journal), "--concurrency", str(CONCURRENCY))
            with started(*options, **wire.environment) as process:
                wire.arm(Event("requests", dice.randint(1, 40), process.kill, dice.random() * 0.005))
                out, told = process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL, told
            flushed = [int(line) for line in out.decode().splitlines(keepends=True) if line.endswith("\n")]
            last = flushed[-1] if flushed else begin
            left = as_killed(journal, "left")
            names = Counter(where_events_are(left))
            settled = {f"e{number}" for number in range(begin, last)}
            promised += len(settled)
            # The last of them may be there as still under way: that they were accepted is written soon afterwards.
            assert settled <= set(names)
            assert settled <= {event["event_id"] for event in emulator.bot_events}
            assert set(names.values()) <= {1}
            repeatable += len(names) - len(accepted_ids(left))
            put = begin + 10_000
        wire.arm(None)
        report = anyio.run(_write_the_rest, wire, journal)
        arrived = Counter(event["event_id"] for event in emulator.bot_events)
    assert promised > 0
    assert report.undelivered == 0
    assert Counter(where_events_are(journal)) == Counter(set(arrived))
    # A batch came twice only where it was in the journal as still under way when the process died.
    repeats = Counter(wire.bodies)
    assert sum(arrived.values()) - len(arrived) <= repeatable
    figures.add(
        "kill -9: a writer",
        rounds=ROUNDS,
        kills=ROUNDS,
        batches=len(repeats),
        events=len(arrived),
        repeats=sum(repeats.values()) - len(repeats),
        losses=report.accepted - len(arrived),
    )


async def _write_the_rest(wire: Wire, journal: Path) -> SubmitReport:
    settings = wire.environment
    async with AsyncAutomations(
        settings["OMNIVERY_TOKEN"],
        base_url=settings["OMNIVERY_AUTOMATIONS_URL"],
        domain=settings["OMNIVERY_DOMAIN"],
        webhook_url=settings["OMNIVERY_WEBHOOK_URL"],
    ) as client:
        async with client.bots.writer(journal=journal) as writer:
            pass
        return writer.report


def test_what_a_receiver_acknowledged_survives_a_kill(tmp_path: Path, figures: Figures) -> None:
    """The service has been told that the verdicts arrived, and sends them no more: now they must be there."""
    dice = random.Random(f"{figures.seed} receiver")
    path, numbers = tmp_path / "verdicts.db", count()
    acknowledged: list[int] = []
    sent = 0
    for _ in range(ROUNDS):
        with started("receiver", str(path), OMNIVERY_SIGNING_KEY=KEY) as process:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            with ThreadPoolExecutor(3) as callers:
                calls = [callers.submit(_call_until_it_is_gone, url, numbers) for _ in range(3)]
                time.sleep(0.02 + dice.random() * 0.15)
                process.kill()
                found = [call.result(60) for call in calls]
        acknowledged += [number for done, _ in found for number in done]
        sent += sum(tried for _, tried in found)
    with VerdictStore(path) as store:
        names = [f"c{number}-{event}" for number in acknowledged for event in range(20)]
        missing = len(names) - len(store.has(names))
        kept = {webhooks.parse(body, KEY, tolerance=3600).extra["batch_id"] for body in store.payloads()}
    assert acknowledged
    assert missing == 0
    assert {f"c{number}" for number in acknowledged} <= kept
    # What was not acknowledged may be there or not, but never in part.
    assert len(kept) <= sent
    figures.add(
        "kill -9: a receiver",
        rounds=ROUNDS,
        kills=ROUNDS,
        batches=len(acknowledged),
        events=len(names),
        losses=missing,
    )


def _call_until_it_is_gone(url: str, numbers: Iterator[int]) -> tuple[list[int], int]:
    """Bring verdicts, call after call: the numbers of those that got 200, and how many there were."""
    server = urlsplit(url)
    connection = HTTPConnection(server.hostname or "", server.port, timeout=10)
    acknowledged: list[int] = []
    for tried in count(1):
        number = next(numbers)
        events = [{"event_id": f"c{number}-{event}", "is_bot": True} for event in range(20)]
        call = {"signature": webhooks.sign(KEY), "batch_id": f"c{number}", "events": events}
        try:
            connection.request("POST", "/", codec.dumps(call), {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            connection.close()
            return acknowledged, tried
        assert response.status == HTTPStatus.OK
        acknowledged.append(number)
    raise AssertionError
