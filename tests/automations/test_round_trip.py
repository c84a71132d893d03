"""Submit events and wait for their verdicts, over the wire: the emulator's service, and a receiver of ours."""

from __future__ import annotations

import gc
import pickle
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from omnivery import Automations
from omnivery.automations import RoundTripReport
from omnivery.emulator import Emulator
from omnivery.errors import BulkError, ConfigError
from omnivery.webhooks import BotVerdicts, Listener, Receiver, VerdictStore, WebhookEvent
from tests.support.bots import assert_lawful, client_of

pytestmark = pytest.mark.anyio

BOT, HUMAN, SILENT = "192.0.2.1", "198.51.100.7", "203.0.113.7"
"""Test networks whose events are a bot's, a human's, and never judged."""


def event(name: str, ip: str = HUMAN) -> dict[str, Any]:
    return {"ip": ip, "uas": "Mozilla/5.0", "event_id": name}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=(0.05,)) as emulator:
        yield emulator


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VerdictStore]:
    with VerdictStore(tmp_path / "verdicts.db") as store:
        yield store


@pytest.fixture(params=["receiver with a store", "store alone", "receiver without a store"])
def receiver(request: pytest.FixtureRequest, emulator: Emulator, store: VerdictStore) -> Iterator[Any]:
    """The webhook's URL, and what is given to the call."""
    with_store = request.param != "receiver without a store"
    receiver = Receiver(
        None if with_store else lambda _: None,  # type: ignore[arg-type]
        emulator.signing_key,
        accepts=BotVerdicts,
        store=store if with_store else None,
    )
    with Listener(receiver) as listener:
        yield listener.url, store if request.param == "store alone" else receiver


async def test_it_ends_when_every_event_has_its_verdict(emulator: Emulator, receiver: Any) -> None:
    url, verdicts = receiver
    events = [event(f"e{number}", BOT if number % 4 == 0 else HUMAN) for number in range(1200)]
    async with client_of(emulator) as client:
        with anyio.fail_after(60):
            report = await client.bots.submit_and_wait(events, verdicts, timeout=3600, webhook_url=url)
    assert (report.read, report.accepted, report.rejected, report.undelivered) == (1200, 1200, 0, 0)
    assert (report.verdicts, report.bots, report.humans, report.unknown, report.missing) == (1200, 300, 900, 0, 0)
    assert report.refusals == {}
    report.raise_for_failures()


async def test_a_timeout_ends_it_and_names_what_is_missing(emulator: Emulator, receiver: Any) -> None:
    url, verdicts = receiver
    async with client_of(emulator) as client:
        events = [event("silent", SILENT), event("judged"), event("silent", SILENT), event("bad", "nowhere")]
        with anyio.fail_after(60):
            report = await client.bots.submit_and_wait(
                events,
                verdicts,
                timeout=0.3,
                webhook_url=url,
                on_progress=lambda _: emulator.wait_idle(timeout=30),
            )
    assert (report.accepted, report.rejected, report.verdicts, report.missing, report.refused) == (3, 1, 1, 2, 0)
    assert report.missing_ids == ("silent",)
    with pytest.raises(BulkError):
        report.raise_for_failures()


async def test_it_ends_when_the_receiver_refuses_what_is_missing(emulator: Emulator, store: VerdictStore) -> None:
    """406 tells the service not to try again: with a wrong key nothing can come, and an hour would be waited for it."""
    receiver = Receiver(None, "another-key", store=store)
    with Listener(receiver) as listener:
        async with client_of(emulator) as client:
            with anyio.fail_after(60):
                events = [event(f"e{number}") for number in range(700)]
                report = await client.bots.submit_and_wait(events, receiver, timeout=3600, webhook_url=listener.url)
    assert (report.accepted, report.verdicts, report.missing, report.refused) == (700, 0, 700, 700)
    assert report.refusals == {"signature wrong": 2}
    assert "2 calls refused: signature wrong" in report.summary()


async def test_a_call_that_is_to_be_repeated_is_waited_for(emulator: Emulator) -> None:
    """500 has the service try again, and the second time it is handled."""
    failures = [ValueError()]

    def handler(_: WebhookEvent) -> None:
        if failures:
            raise failures.pop()

    receiver = Receiver(handler, emulator.signing_key)
    with Listener(receiver) as listener:
        async with client_of(emulator) as client:
            with anyio.fail_after(60):
                report = await client.bots.submit_and_wait(
                    [event("a")], receiver, timeout=3600, webhook_url=listener.url
                )
    assert (report.verdicts, report.missing) == (1, 0)
    assert report.refusals == {"handler failed": 1}


async def test_a_strangers_refused_call_does_not_end_it(emulator: Emulator, store: VerdictStore) -> None:
    """Scanners post garbage to every URL there is."""
    receiver = Receiver(None, emulator.signing_key, store=store)
    with Listener(receiver) as listener:
        scanned = 0.0

        def scan(_: RoundTripReport) -> None:
            nonlocal scanned
            scanned = time.monotonic()
            for body in (b"x", b'{"events": [{"event_id": "other"}]}'):
                assert receiver.handle(body) == 406

        async with client_of(emulator) as client:
            report = await client.bots.submit_and_wait(
                [event("silent", SILENT)], receiver, timeout=0.3, webhook_url=listener.url, on_progress=scan
            )
    assert time.monotonic() - scanned >= 0.3
    assert (report.missing, report.refused) == (1, 0)
    assert sum(report.refusals.values()) == 2


async def test_nothing_accepted_is_nothing_to_wait_for(emulator: Emulator, store: VerdictStore) -> None:
    async with client_of(emulator, token="wrong") as client:
        with anyio.fail_after(60):
            report = await client.bots.submit_and_wait([event("a")], store, timeout=3600)
    assert (report.accepted, report.undelivered, report.missing) == (0, 1, 0)
    assert "401" in report.summary()


async def test_a_source_that_raises_leaves_its_report_in_the_error(emulator: Emulator, receiver: Any) -> None:
    url, verdicts = receiver

    async def events() -> AsyncIterator[dict[str, Any]]:
        yield event("a")
        raise OSError("the disk")

    async with client_of(emulator) as client:
        with pytest.raises(BulkError, match="OSError") as caught:
            await client.bots.submit_and_wait(events(), verdicts, timeout=3600, webhook_url=url)
    assert isinstance(caught.value.report, RoundTripReport)
    assert caught.value.report.accepted == 1
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("verdicts", "seconds", "words"),
    [
        ("verdicts.db", 1, "Receiver or a VerdictStore"),
        (None, 1, "Receiver or a VerdictStore"),
        ("store", -1, "timeout"),
    ],
)
async def test_a_call_that_cannot_work_sends_nothing(
    emulator: Emulator, store: VerdictStore, verdicts: Any, seconds: float, words: str
) -> None:
    before = len(emulator.bot_events)
    async with client_of(emulator) as client:
        with pytest.raises(ConfigError, match=words):
            await client.bots.submit_and_wait([event("a")], store if verdicts == "store" else verdicts, timeout=seconds)
    assert len(emulator.bot_events) == before


async def test_progress_is_told_and_an_interruption_carries_a_summary(emulator: Emulator, store: VerdictStore) -> None:
    told: list[int] = []
    notes: list[str] = []
    scope = anyio.CancelScope()

    def tell(report: RoundTripReport) -> None:
        told.append(report.accepted)
        if report.accepted == 700:
            scope.deadline = anyio.current_time() + 0.1

    async with client_of(emulator) as client:
        cancelled = anyio.get_cancelled_exc_class()
        with anyio.fail_after(60), scope:
            try:
                await client.bots.submit_and_wait(
                    [event(f"e{number}", SILENT) for number in range(700)],
                    store,
                    timeout=3600,
                    on_progress=tell,
                )
            except cancelled as error:
                notes += error.__notes__
                raise
    assert scope.cancelled_caught
    assert "700 were accepted" in notes[0]
    assert "700 missing" in notes[0]
    assert (max(told), len(told)) == (700, 2)


def test_without_await_it_is_the_same(emulator: Emulator, store: VerdictStore) -> None:
    receiver = Receiver(None, emulator.signing_key, store=store)
    threads: set[int] = set()

    def events() -> Iterator[dict[str, Any]]:
        for number in range(700):
            threads.add(threading.get_ident())
            yield event(f"sync{number}", BOT)

    with Listener(receiver) as listener:
        settings = {"base_url": emulator.automations_url, "domain": emulator.domain}
        with Automations(emulator.token, **settings) as client:  # type: ignore[arg-type]
            report = client.bots.submit_and_wait(events(), receiver, timeout=60, webhook_url=listener.url)
    assert (report.accepted, report.bots, report.missing) == (700, 700, 0)
    assert threads == {threading.get_ident()}, "the source is read in the calling thread"


def test_the_report_pickles_and_shows_itself(emulator: Emulator, store: VerdictStore) -> None:
    with Automations(emulator.token, base_url=emulator.automations_url, domain=emulator.domain) as client:
        report = client.bots.submit_and_wait([event("a", SILENT)], store, timeout=0, webhook_url="http://127.0.0.1:9/")
    assert pickle.loads(pickle.dumps(report)) == report
    assert "missing" in report._repr_html_()


@pytest.mark.parametrize("given", [700, 100_000])
async def test_a_callback_that_raises_leaves_the_report(given: int, emulator: Emulator, store: VerdictStore) -> None:
    """The events were submitted all the same, and their verdicts may have arrived."""

    def refuse(_: RoundTripReport) -> None:
        raise ZeroDivisionError

    source = (event(f"e{number}") for number in range(given))
    async with client_of(emulator) as client:
        with pytest.raises(BulkError, match="on_progress raised ZeroDivisionError") as caught:
            await client.bots.submit_and_wait(
                source, store, timeout=0, webhook_url=emulator.webhook_url, concurrency=2, on_progress=refuse
            )
    report = caught.value.report
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert isinstance(report, RoundTripReport)
    assert_lawful(report.submission)
    assert 0 < report.accepted == report.verdicts + report.missing
    assert report.read <= min(given, 10_000)


@pytest.mark.parametrize("closed", ["during the submission", "during the wait"])
async def test_a_store_that_fails_leaves_the_report(closed: str, emulator: Emulator, store: VerdictStore) -> None:
    source = [event(f"e{number}", SILENT) for number in range(5000)]

    def close(report: RoundTripReport) -> None:
        if closed == "during the submission" or report.accepted == len(source):
            store.close()

    async with client_of(emulator) as client:
        with pytest.raises(BulkError, match="the store of verdicts raised ConfigError") as caught:
            await client.bots.submit_and_wait(
                source, store, timeout=60, webhook_url=emulator.webhook_url, concurrency=1, on_progress=close
            )
    report = caught.value.report
    assert isinstance(caught.value.__cause__, ConfigError)
    assert_lawful(report.submission)
    assert report.accepted == report.verdicts + report.missing
    assert (report.accepted < len(source)) == (closed == "during the submission")


async def test_a_call_that_was_cancelled_at_once_leaves_no_warning(emulator: Emulator, store: VerdictStore) -> None:
    async with client_of(emulator) as client:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.bots.submit_and_wait([event("e")], store, timeout=0)
            gc.collect()
    assert (scope.cancelled_caught, [str(each.message) for each in told]) == (True, [])
