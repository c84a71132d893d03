"""`omnivery bots run`: events out and verdicts back in one command, through crashes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import click
import httpx
import pytest
from attrs import frozen

from omnivery import AsyncAutomations, readers
from omnivery.bulk.journal.reader import JournalReader
from omnivery.cli.arguments import Duration, HostPort
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from omnivery.webhooks import VerdictStore
from omnivery.webhooks.verdict_wait import VerdictWait
from tests.cli.test_app import printed
from tests.support.bots import ONCE
from tests.support.cli import (
    event,
    free_port,
    in_process,
    ndjson,
    on_terminal,
    seen_in_process,
)
from tests.support.waiting import killed_in_the_end, wait_until

SILENT = "203.0.113.7"
"""From the test network whose events never get a verdict."""


@frozen(kw_only=True)
class Job:
    """One command, to be run as often as it takes."""

    emulator: Emulator
    folder: Path
    port: int
    environment: dict[str, str]

    @property
    def file(self) -> Path:
        return self.folder / "events.ndjson"

    @property
    def journal(self) -> Path:
        return self.folder / "run.journal"

    @property
    def store(self) -> Path:
        return self.folder / "verdicts.db"

    def command(self, *options: str) -> list[str]:
        kept = ("--journal", str(self.journal), "--store", str(self.store))
        return ["bots", "run", str(self.file), *kept, "--listen", f"127.0.0.1:{self.port}", *options]

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return in_process(*self.command(*options), environment={**self.environment, **environment})

    def run_until_verdicts(self, count: int) -> dict[str, Any]:
        """The totals once `count` events have their verdict, though others have none; the deadline is short."""
        for _ in range(20):
            result = self.run("--deadline", "0.2")
            totals = printed(result)
            assert result.returncode == 1
            assert b"run the same command again" in result.stderr
            if totals["verdicts"] == count:
                return totals
        raise AssertionError("the verdicts did not come")

    @contextmanager
    def started(self, *options: str, before: str = "") -> Iterator[subprocess.Popen[bytes]]:
        program = ["-c", f"{before}; from omnivery.cli.app import run; run()"] if before else ["-m", "omnivery"]
        with (
            subprocess.Popen(
                [sys.executable, "-W", "error", *program, *self.command(*options)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **self.environment},
            ) as process,
            killed_in_the_end(process),
        ):
            yield process

    def accepted(self) -> int:
        """The number of accepted events in the journal."""
        try:
            with JournalReader.open(self.journal) as view:
                return view.state().accepted
        except ConfigError:  # not created yet
            return 0

    def stored(self) -> int:
        """The number of verdicts in the store."""
        if not self.store.exists():
            return 0
        with VerdictStore(self.store) as store:
            return len(store)


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    # No receiver listens while the command is not running: the service has to retry for that long.
    with Emulator(webhook_retry_delays=(0.1,) * 200) as emulator:
        yield emulator


@pytest.fixture
def job(service: Emulator, tmp_path: Path) -> Job:
    service.reset()
    environment = {
        "OMNIVERY_TOKEN": service.token,
        "OMNIVERY_SIGNING_KEY": service.signing_key,
        "OMNIVERY_AUTOMATIONS_URL": service.automations_url,
        "OMNIVERY_DOMAIN": service.domain,
        "OMNIVERY_WEBHOOK_URL": "",
    }
    return Job(emulator=service, folder=tmp_path, port=free_port(), environment=environment)


def given_up(job: Job) -> None:
    """Leave the events of a job undelivered in its journal: the service has a fault that is not theirs."""

    async def submit() -> None:
        job.emulator.fail_next("bot", status=409)
        client = AsyncAutomations(job.emulator.token, base_url=job.emulator.automations_url, domain=job.emulator.domain)
        async with client:
            report = await client.bots.submit(
                readers.read(job.file),
                webhook_url=f"http://127.0.0.1:{job.port}/",
                journal=job.journal,
                options=ONCE,
            )
        assert report.undelivered > 400

    anyio.run(submit)


def until(process: subprocess.Popen[bytes], come: Callable[[], bool]) -> None:
    """Wait until something has come about, while a command runs."""
    end = time.monotonic() + 30
    while not come():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_ends_when_every_event_has_its_verdict(job: Job) -> None:
    ndjson(job.file, [event(f"e{n}", "192.0.2.1" if n % 4 == 0 else "198.51.100.7") for n in range(1200)])
    result = job.run()
    totals = printed(result)
    assert result.returncode == 0, result.stderr
    assert b"Warning" not in result.stderr, "an emulator on this machine reaches a receiver on this machine"
    assert (totals["read"], totals["accepted"], totals["batches"]) == (1200, 1200, 3)
    assert (totals["verdicts"], totals["missing"]) == (1200, 0)
    assert (totals["store"]["verdicts"], totals["store"]["bots"], totals["store"]["humans"]) == (1200, 300, 900)


def test_the_deadline_ends_the_wait_and_the_same_command_waits_again(job: Job) -> None:
    ndjson(job.file, [event("human"), event("silent", SILENT)])
    for _ in range(2):
        totals = job.run_until_verdicts(1)
        assert (totals["read"], totals["accepted"], totals["missing"]) == (2, 2, 1)
    assert len(job.emulator.bot_events) == 2, "nothing was sent twice"


def test_a_deadline_still_counts_the_verdicts_of_later_batches(job: Job) -> None:
    """Batches are waited for in turn, and the first one is never complete."""
    ndjson(job.file, [event("silent", SILENT), *(event(f"e{n}") for n in range(1500))])
    totals = job.run_until_verdicts(1500)
    assert (totals["missing"], totals["store"]["verdicts"]) == (1, 1500)


def test_events_with_equal_ids_are_counted_one_by_one(job: Job) -> None:
    ndjson(job.file, [event("twice"), event("twice"), event("silent", SILENT), event("silent", SILENT)])
    totals = job.run_until_verdicts(2)
    assert (totals["accepted"], totals["missing"]) == (4, 2)


@pytest.mark.skipif(os.name != "posix", reason="there is no kill -9")
def test_after_kill_9_the_same_command_ends_with_the_same_totals(job: Job) -> None:
    """It is killed twice, and each time batches and calls with verdicts are on their way."""
    events = [event(f"e{n}") for n in range(6_000)]
    ndjson(job.file, events)
    job.emulator.faults = "delay=200ms"
    try:
        with job.started("--concurrency", "2") as process:
            until(process, lambda: job.accepted() >= 1000)
            process.kill()
        assert 1000 <= job.accepted() < 6_000, "it was killed in the middle"
        with job.started("--concurrency", "2") as process:
            until(process, lambda: job.accepted() >= 3000)
            process.kill()
    finally:
        job.emulator.faults = None
    result = job.run()
    totals = printed(result)
    assert result.returncode == 0, (totals, result.stderr)
    assert (totals["read"], totals["accepted"], totals["rejected"], totals["undelivered"]) == (6_000, 6_000, 0, 0)
    assert (totals["verdicts"], totals["missing"], totals["store"]["verdicts"]) == (6_000, 0, 6_000)
    seen = [one["event_id"] for one in job.emulator.bot_events]
    assert {*seen} == {one["event_id"] for one in events}
    assert len(seen) <= 6_000 + 2 * 2 * 500, "only batches that were on their way went out twice"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_journal_and_store_and_says_how_to_resume(job: Job, number: signal.Signals, status: int) -> None:
    ndjson(job.file, [event("human"), event("silent", SILENT)])
    with job.started("--deadline", "1h") as process:
        until(process, lambda: job.stored() == 1)
        process.send_signal(number)
        output, complaints = process.communicate(timeout=60)
    totals = json.loads(output)
    assert process.returncode == status
    assert (totals["read"], totals["accepted"], totals["stopped_by"]) == (2, 2, "interrupted")
    assert (totals["verdicts"], totals["missing"], totals["store"]["verdicts"]) == (None, None, 1)
    assert complaints == b"Interrupted: journal and store are kept. The same command resumes.\n"


def test_rejected_events_fail_it_though_all_others_have_their_verdict(job: Job) -> None:
    ndjson(job.file, [event("a"), event("b", "nowhere")])
    result = job.run()
    totals = printed(result)
    assert result.returncode == 1
    assert (totals["accepted"], totals["rejected"], totals["missing"]) == (1, 1, 0)


def test_events_undelivered_by_an_earlier_run_are_sent_again(job: Job) -> None:
    """The same command sends them; `bots retry` alone would have no receiver for the verdicts."""
    ndjson(job.file, [event(f"e{n}") for n in range(500)])
    given_up(job)
    totals = printed(job.run())
    assert (totals["read"], totals["accepted"] + totals["rejected"], totals["undelivered"]) == (500, 500, 0)
    assert (totals["accepted"] > 400, totals["missing"]) == (True, 0)


def test_a_wrong_token_stops_it_at_once_and_shows_no_secret(job: Job) -> None:
    ndjson(job.file, [event("a")])
    result = job.run("--deadline", "1h", OMNIVERY_TOKEN="wrong-and-secret")
    totals = printed(result)
    assert result.returncode == 1
    assert "401" in totals["stopped_by"]
    assert (totals["accepted"], totals["verdicts"], totals["missing"]) == (0, 0, 0)
    for secret in ("wrong-and-secret", job.emulator.signing_key):
        assert secret.encode() not in result.stdout + result.stderr
    assert job.run().returncode == 0, "the same command with the right one"


@pytest.mark.parametrize("missing", ["OMNIVERY_TOKEN", "OMNIVERY_SIGNING_KEY", "OMNIVERY_DOMAIN"])
def test_a_setting_that_is_missing_is_named(job: Job, missing: str) -> None:
    ndjson(job.file, [event("a")])
    result = job.run(**{missing: ""})
    assert (result.returncode, result.stdout) == (2, b"")
    assert missing.encode() in result.stderr
    assert job.emulator.bot_events == []


def test_a_port_that_is_taken_is_known_before_anything_is_sent(job: Job) -> None:
    ndjson(job.file, [event("a")])
    with socket.create_server(("127.0.0.1", job.port)):
        result = job.run()
    assert (result.returncode, result.stdout) == (2, b"")
    assert str(job.port).encode() in result.stderr
    assert b"give another one with --listen" in result.stderr
    assert job.emulator.bot_events == []


def test_a_journal_for_another_url_is_refused_in_one_line(job: Job) -> None:
    """Its events are encoded for that URL: verdicts would go there, and no receiver would be listening."""
    ndjson(job.file, [event("a")])
    assert job.run().returncode == 0
    result = job.run("--public-url", "https://hooks.example.com/verdicts")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"it was begun for another webhook url: go on with the same settings" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(
    "place", ["0.0.0.0:8080", "[::]:8080", "127.0.0.1:0", "127.0.0.1", "8080", "a:b", "h:99999", ""]
)
def test_a_host_and_port_that_cannot_be_called_is_refused(job: Job, place: str) -> None:
    ndjson(job.file, [event("a")])
    result = job.run("--listen", place)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"listen" in result.stderr
    assert b"Traceback" not in result.stderr
    assert [*job.folder.iterdir()] == [job.file]


def test_a_public_url_is_what_the_service_calls(job: Job) -> None:
    """Here it leads to the same port by another name; any path of the receiver's is taken."""
    ndjson(job.file, [event("a")])
    url = f"http://localhost:{job.port}/hooks/verdicts"
    assert job.run("--public-url", url, "--listen", f"127.0.0.1:{job.port}").returncode == 0
    assert [attempt.url for attempt in job.emulator.webhook_attempts] == [url]


def test_a_loopback_url_for_the_real_service_is_warned_of(job: Job) -> None:
    """The service would accept every event, and no verdict would ever arrive."""
    ndjson(job.file, [event("a")])
    # Without a domain it ends before it would call anybody.
    result = job.run(OMNIVERY_AUTOMATIONS_URL="", OMNIVERY_DOMAIN="")
    assert result.returncode == 2
    assert b"Warning: the webhook URL is on this machine alone" in result.stderr
    assert b"--public-url" in result.stderr
    away = job.run("--public-url", "https://hooks.example.com/", OMNIVERY_AUTOMATIONS_URL="", OMNIVERY_DOMAIN="")
    assert b"Warning" not in away.stderr


def test_on_a_terminal_the_totals_are_text(job: Job) -> None:
    ndjson(job.file, [event("a"), event("b", "192.0.2.1")])
    status, shown = seen_in_process(*job.command(), environment=job.environment)
    assert status == 0, shown
    assert "2 of 2 events accepted" in shown
    assert "2 of them have their verdict, 0 have none" in shown
    assert "2 verdicts, 1 bot, 1 human" in shown


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86_400), ("0", 0)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1", "1 hour", "1e3", "nan", "٣"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no span of time"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["365001d", "9" * 400])
def test_a_duration_that_no_clock_can_count_is_refused(text: str) -> None:
    """`stats --since 99999999999999d` ended with a traceback."""
    with pytest.raises(click.BadParameter, match="longer than a thousand years"):
        Duration().convert(text, None, None)


def test_what_deletes_wants_a_unit() -> None:
    """Somebody who writes 30 may mean days, and seconds delete all."""
    assert Duration(unit_needed=True).convert("30d", None, None) == 30 * 86_400
    with pytest.raises(click.BadParameter, match="'30' has no unit: write 30d for days, 30s for seconds"):
        Duration(unit_needed=True).convert("30", None, None)


@pytest.mark.parametrize(
    ("text", "place"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8080", ("::1", 8080)), ("host:0", ("host", 0))]
)
def test_places_to_listen_have_host_and_port(text: str, place: tuple[str, int]) -> None:
    assert HostPort().convert(text, None, None) == place


# Refusals


def test_each_refusal_is_told_at_once_and_nothing_more_is_waited_for(job: Job) -> None:
    """With a wrong key every call is refused for good: the deadline of an hour would be waited for in vain."""
    ndjson(job.file, [event(f"e{n}") for n in range(1200)])
    result = job.run("--deadline", "1h", OMNIVERY_SIGNING_KEY="another-and-secret-key")
    totals = printed(result)
    # A busy machine may take its time to respond, and be named for it.
    lines = [line for line in result.stderr.decode().splitlines() if "still waiting" not in line]
    assert result.returncode == 1
    assert lines[0] == "1 call refused: signature wrong: check OMNIVERY_SIGNING_KEY"
    assert lines[1] == "2 calls refused: signature wrong: check OMNIVERY_SIGNING_KEY"
    assert "1,200 events were in calls that were refused" in lines[-1]
    assert "another journal" in lines[-1]
    assert (totals["accepted"], totals["verdicts"], totals["missing"], totals["refused"]) == (1200, 0, 1200, 1200)
    assert totals["refused_calls"] == {"signature wrong": 3}
    assert b"another-and-secret-key" not in result.stdout + result.stderr


def test_a_strangers_call_is_told_and_does_not_end_the_wait(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    ndjson(job.file, [event("silent", SILENT)])
    looks: list[VerdictWait] = []
    look, over = VerdictWait.look, threading.Event()
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + (3600 if over.is_set() else 0))
    monkeypatch.setattr("omnivery.webhooks.verdict_wait.time", clock)

    def counted(wait: VerdictWait) -> None:
        look(wait)
        looks.append(wait)

    monkeypatch.setattr(VerdictWait, "look", counted)

    def call() -> int:
        try:
            wait_until(job.accepted)
            status = httpx.post(f"http://127.0.0.1:{job.port}/", content=b"junk", verify=False).status_code
            already = len(looks)
            wait_until(lambda: len(looks) > already + 1)
        finally:
            over.set()  # the deadline has come
        return status

    with ThreadPoolExecutor() as pool:
        status = pool.submit(call)
        result = job.run("--deadline", "1h")
    totals = printed(result)
    assert status.result() == 406
    assert (totals["missing"], totals["refused"]) == (1, 0)
    assert b"1 call refused: signature missing: not the service's, or it does not sign its calls" in result.stderr
    assert b"run the same command again" in result.stderr


def test_an_unreachable_server_is_named_at_once(job: Job) -> None:
    """Its attempts take half a minute."""
    ndjson(job.file, [event("a")])
    url = f"http://127.0.0.1:{free_port()}"
    with job.started("--base-url", url) as process:
        assert process.stderr is not None
        assert process.stderr.readline().decode() == f"Cannot connect to {url}: trying again. Ctrl-C ends it.\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"may have taken effect" not in output, "nothing was sent"


def test_a_server_that_says_nothing_is_named_soon(job: Job) -> None:
    ndjson(job.file, [event("a")])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        sooner = "from omnivery.cli import server_notice; server_notice.SILENCE = 0.1"
        with job.started("--base-url", url, before=sooner) as process:
            assert process.stderr is not None
            assert process.stderr.readline().decode() == f"No response from {url} yet: still waiting. Ctrl-C ends it.\n"
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(output)["undelivered"] == 1


COMMANDS = [
    pytest.param(("bots", "submit", "FILE", "--webhook-url", "http://127.0.0.1:9/"), id="submit"),
    pytest.param(("bots", "run", "FILE", "--journal", "J", "--store", "S", "--listen", "127.0.0.1:9999"), id="run"),
    pytest.param(("bots", "retry", "J"), id="retry"),
]


@pytest.mark.skipif(os.name != "posix", reason="no terminals to drive here")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_prompt_for_a_secret_obeys_ctrl_c(job: Job, command: tuple[str, ...]) -> None:
    """getpass waits in a call that an event loop's signal handler does not interrupt."""
    ndjson(job.file, [event(f"e{n}") for n in range(500)])
    if command[1] == "retry":
        given_up(job)
    places = {"FILE": str(job.file), "J": str(job.journal), "S": str(job.store)}
    arguments = [places.get(part, part) for part in command]
    status, shown = on_terminal(
        *arguments, environment={**job.environment, "OMNIVERY_TOKEN": ""}, interrupt="OMNIVERY_TOKEN"
    )
    assert status == 130, shown
    assert "Interrupted" in shown
    assert job.emulator.bot_events == []
