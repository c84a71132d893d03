"""`kill -9` in the middle of a submission over real sockets: the same command goes on, and nothing is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.support.cli import in_process

EVENTS = 20_000
BATCHES = EVENTS // 500


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "omnivery", "bots", *arguments]


def printed(environment: dict[str, str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status, and the one JSON object on standard output."""
    done = in_process("bots", *arguments, environment=environment)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@contextmanager
def held_up(emulator: Emulator, batches: int) -> Iterator[None]:
    """Let an emulator respond to no more than so many batches: what is to be killed must not end first."""
    over = threading.Event()
    end = emulator.watch(lambda _: len(emulator.bot_batches) < batches or over.wait(30))
    try:
        yield
    finally:
        over.set()
        end()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("moments", [(1,), (3, 12, 25), (17, 30)])
def test_a_killed_submission_is_taken_up_again(tmp_path: Path, moments: tuple[int, ...]) -> None:
    """Killed by how far it has come, not by time: once, or again and again."""
    file, journal = tmp_path / "events.ndjson", str(tmp_path / "j")
    file.write_bytes(b"".join(b'{"ip":"203.0.113.7","uas":"x","event_id":"e%d"}\n' % n for n in range(EVENTS)))
    with Emulator() as emulator:
        environment = {
            "OMNIVERY_TOKEN": emulator.token,
            "OMNIVERY_AUTOMATIONS_URL": emulator.automations_url,
            "OMNIVERY_DOMAIN": emulator.domain,
            "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/verdicts",
        }
        submit = ("submit", str(file), "--journal", journal)
        for moment in moments:
            with (
                held_up(emulator, moment + 8),
                subprocess.Popen(
                    command(*submit), env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                ) as process,
            ):
                while len(emulator.bot_batches) < moment and process.poll() is None:
                    time.sleep(0.0005)
                process.send_signal(signal.SIGKILL)
            assert process.returncode == -signal.SIGKILL
        _, before = printed(environment, "status", journal)
        assert before["accepted"] + before["pending"] + before["sending"] == before["read"] < EVENTS
        status, account = printed(environment, *submit)
        arrived = Counter(event["event_id"] for event in emulator.bot_events)
        sent = len(emulator.bot_batches)
        again, same = printed(environment, *submit)
        assert len(emulator.bot_batches) == sent
    assert (status, account["read"], account["accepted"], account["undelivered"]) == (0, EVENTS, EVENTS, 0)
    assert (account["batches"], account["rejected"]) == (BATCHES, 0)
    assert len(arrived) == EVENTS
    # Only what was in flight or not yet written down when it was killed can come twice: sixteen batches each time.
    assert sum(arrived.values()) - EVENTS <= len(moments) * 16 * 500
    assert (again, same["this_run"]["read"]) == (0, 0)
    of_a_run = {"elapsed", "events_per_second", "this_run"}
    assert {key: value for key, value in same.items() if key not in of_a_run} == {
        key: value for key, value in account.items() if key not in of_a_run
    }
