"""Bulk mail with a journal: it survives `kill -9` without a duplicate."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread

from omnivery import Attachment
from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import ConfigError
from omnivery.mail.sending import SendReport, SendStatus
from tests.mail.test_sending import ONCE, assert_lawful, numbered, subject
from tests.support.journal import as_killed
from tests.support.message import QUEUED, mailgun_with, message

pytestmark = pytest.mark.anyio


class Postbox:
    """Takes every message, and counts how often each came; what it does with some of them can be set."""

    def __init__(self, **special: Any) -> None:
        self.special = special
        self.came: Counter[int] = Counter()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":  # a probe
            return httpx.Response(200, json={})
        number = number_of(request)
        self.came[number] += 1
        special = self.special.get(f"m{number}")
        if isinstance(special, Exception):
            raise special
        return special or httpx.Response(200, json={**QUEUED, "id": f"<{number}>"})


def number_of(request: httpx.Request) -> int:
    """The subject of a message, in either kind of form."""
    found = re.search(rb'name="subject"\r\n\r\n(\d+)', request.content)
    return int(found[1]) if found else subject(request)


async def send(messages: Any, postbox: Postbox, path: Path, **options: Any) -> SendReport:
    return await mailgun_with(postbox).messages.send_many(messages, journal=path, **{"concurrency": 2, **options})


async def test_the_same_call_again_sends_nothing_twice(tmp_path: Path) -> None:
    postbox, path = Postbox(), tmp_path / "j"
    first = await send(numbered(20), postbox, path)
    again = await send(numbered(20), postbox, path)
    assert (first.sent, again.sent, again.read) == (20, 20, 20)
    assert again.outcomes == ()
    assert set(postbox.came.values()) == {1}
    more = await send(numbered(25), postbox, path)
    assert (more.read, more.sent, len(more.outcomes)) == (25, 25, 5)
    assert set(postbox.came.values()) == {1}


async def test_what_may_have_been_sent_is_never_sent_again_by_itself(tmp_path: Path) -> None:
    postbox, path = Postbox(m3=httpx.ReadError("gone")), tmp_path / "j"
    first = await send(numbered(6), postbox, path, options=ONCE)
    again = await send(numbered(6), Postbox(), path)
    for report in (first, again):
        assert (report.read, report.sent, report.unknown) == (6, 5, 1)
    assert first.outcomes[3].status is SendStatus.UNKNOWN


async def test_what_was_certain_to_be_unsent_is_sent_by_the_next_run(tmp_path: Path) -> None:
    postbox, path = Postbox(m3=httpx.Response(401)), tmp_path / "j"
    first = await send(numbered(10), postbox, path, concurrency=1)
    assert (first.sent, first.undelivered, first.read) == (3, 1, 4)
    again = await send(numbered(10), postbox := Postbox(), path)
    assert (again.read, again.sent, again.undelivered) == (10, 10, 0)
    assert sorted(postbox.came) == list(range(3, 10))
    assert [one.index for one in again.outcomes] == list(range(3, 10))


async def test_a_message_that_was_rejected_stays_rejected(tmp_path: Path) -> None:
    given = numbered(4)
    given[1] = message(subject="a\nb")
    postbox, path = Postbox(m2=httpx.Response(400, json={"message": "no"})), tmp_path / "j"
    first = await send(given, postbox, path)
    again = await send(given, postbox, path)
    assert (first.sent, first.rejected) == (again.sent, again.rejected) == (2, 2)
    assert postbox.came == {0: 1, 2: 1, 3: 1}


@pytest.mark.parametrize("change", ["another", "fewer", "attachment"])
async def test_another_message_at_a_place_stops_before_anything_is_sent(tmp_path: Path, change: str) -> None:
    given = numbered(5)
    given[2] = message(subject="2", attachments=[Attachment(name="a.txt", content=b"one")])
    path, postbox = tmp_path / "j", Postbox(m4=httpx.Response(401))
    await send(given, postbox, path, concurrency=1)
    before = postbox.came.copy()
    changed = {
        "another": [*given[:1], message(subject="99"), *given[2:]],
        "fewer": given[:3],
        "attachment": [
            *given[:2],
            message(subject="2", attachments=[Attachment(name="a.txt", content=b"two")]),
            *given[3:],
        ],
    }[change]
    with pytest.raises(ConfigError, match=r"^journal: .*Nothing was sent\.$"):
        await send(changed, postbox, path)
    assert postbox.came == before


async def test_neither_bodies_nor_addresses_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "j"
    secret = message(to="ann@example.net", subject="7", text="s3cret words")
    await send([secret], Postbox(m7=httpx.Response(401)), path, concurrency=1)
    kept = await to_thread.run_sync(lambda: b"".join(file.read_bytes() for file in tmp_path.iterdir()))
    assert b"messages" in kept
    assert b"ann@" not in kept
    assert b"s3cret" not in kept


async def test_a_killed_run_leaves_what_was_in_flight_unknown(tmp_path: Path) -> None:
    """*Sending* is on disk before the request leaves: what it finds there was perhaps sent."""
    path = tmp_path / "j"
    out = anyio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        if subject(request) < 4:
            return httpx.Response(200, json=QUEUED)
        out.set()
        await anyio.sleep_forever()
        raise AssertionError

    left = path.with_name("left")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: mailgun_with(hang).messages.send_many(numbered(20), journal=path, concurrency=2))
        await out.wait()
        await anyio.wait_all_tasks_blocked()
        as_killed(path, left.name)
        tasks.cancel_scope.cancel()
    again = await send(numbered(20), postbox := Postbox(), left)
    assert_sums(again)
    assert again.unknown in {1, 2}
    assert not postbox.came.keys() & {0, 1, 2, 3}
    assert sorted([*postbox.came, *range(4)]) == [n for n in range(20) if n not in unknown_places(left)]


async def test_a_message_that_waits_for_the_service_is_not_in_doubt(tmp_path: Path) -> None:
    """It is certain to be unsent while it is held, and a crash in a long outage does not change that."""
    path, refused = tmp_path / "j", 0
    left = path
    held = anyio.Event()

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal refused
        if request.method == "GET":
            held.set()
            return httpx.Response(503)
        if subject(request) < 2:
            return httpx.Response(200, json=QUEUED)
        refused += 1
        return httpx.Response(503)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            lambda: mailgun_with(handler).messages.send_many(numbered(9), journal=path, concurrency=1, options=ONCE)
        )
        await held.wait()
        left = as_killed(path, "left")
        tasks.cancel_scope.cancel()
    again = await send(numbered(9), Postbox(), left)
    assert (again.sent, again.unknown) == (9, 0)


@pytest.mark.parametrize("before", ["an earlier run", "an outage"])
async def test_a_message_that_goes_out_again_is_in_doubt_from_then_on(tmp_path: Path, before: str) -> None:
    """It was certain to be unsent, and is no more: a crash now must not have it sent a second time."""
    path, out = tmp_path / "j", anyio.Event()
    refusals = [503] if before == "an outage" else []

    async def hang(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={})
        if refusals:
            return httpx.Response(refusals.pop())
        out.set()
        await anyio.sleep_forever()
        raise AssertionError

    if before == "an earlier run":
        first = await send(numbered(1), Postbox(m0=httpx.Response(401)), path, concurrency=1)
        assert (first.undelivered, first.unknown) == (1, 0)
    left = path
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            lambda: mailgun_with(hang).messages.send_many(numbered(1), journal=path, concurrency=1, options=ONCE)
        )
        with anyio.fail_after(30):
            await out.wait()
        left = as_killed(path, "left")
        tasks.cancel_scope.cancel()
    again = await send(numbered(1), postbox := Postbox(), left)
    assert (again.unknown, again.sent, postbox.came) == (1, 0, {})


async def test_a_message_goes_out_again_only_once_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash in between would find it unsent, and send it a second time."""
    path, begun, go = tmp_path / "j", threading.Event(), threading.Event()
    await send(numbered(1), Postbox(m0=httpx.Response(401)), path, concurrency=1)
    transact = JournalStore.transact

    def slow(self: JournalStore, entries: Any, works: Any = ()) -> None:
        if any(entry.delta.claimed for entry in entries):
            begun.set()
            assert go.wait(30)
        transact(self, entries, works)

    monkeypatch.setattr(JournalStore, "transact", slow)
    postbox = Postbox()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: send(numbered(1), postbox, path))
        try:
            assert await to_thread.run_sync(begun.wait, 30)
            await anyio.sleep(0.05)
            assert postbox.came == {}
        finally:
            go.set()
    assert postbox.came == {0: 1}


async def test_what_an_earlier_run_left_unsent_goes_out_in_order(tmp_path: Path) -> None:
    path, order = tmp_path / "j", []

    def note(request: httpx.Request) -> httpx.Response:
        order.append(subject(request))
        return httpx.Response(200, json=QUEUED)

    first = await send(numbered(9), Postbox(**{f"m{n}": httpx.Response(401) for n in range(9)}), path, concurrency=4)
    assert first.undelivered == first.read >= 4
    await mailgun_with(note).messages.send_many(numbered(9), journal=path, concurrency=1)
    assert order == list(range(9))


async def test_a_message_that_is_refused_again_and_again_stays_unsent(tmp_path: Path) -> None:
    """A token that is still wrong says nothing about what became of the message."""
    path = tmp_path / "j"
    for _ in range(3):
        report = await send(numbered(2), Postbox(m0=httpx.Response(401)), path, concurrency=1)
        assert (report.read, report.undelivered, report.unknown) == (1, 1, 0)
    assert (await send(numbered(2), Postbox(), path)).sent == 2


async def test_a_source_that_fails_while_it_is_read_again_is_told_as_it_is(tmp_path: Path) -> None:
    """Not as one that has become shorter; and nothing is sent."""
    path = tmp_path / "j"
    await send(numbered(6), Postbox(m4=httpx.Response(401)), path, concurrency=1)

    def broken() -> Any:
        yield from numbered(2)
        raise LookupError("database gone")

    postbox = Postbox()
    with pytest.raises(LookupError, match="database gone"):
        await send(broken(), postbox, path)
    assert postbox.came == {}


async def test_ctrl_c_gives_the_account_message_by_message(tmp_path: Path) -> None:
    run = mailgun_with(Postbox()).messages.stream(numbered(50), concurrency=2, journal=tmp_path / "j")
    async with run:
        async for outcome in run:
            if outcome.index >= 9:
                break
    assert_sums(run.report)
    assert_lawful_outcomes(run.report)
    again = await send(numbered(50), postbox := Postbox(), tmp_path / "j")
    assert again.sent + again.unknown == 50
    assert set(postbox.came.values()) <= {1}


def assert_sums(report: SendReport) -> None:
    assert report.sent + report.rejected + report.unknown + report.undelivered == report.read


def assert_lawful_outcomes(report: SendReport) -> None:
    assert_lawful(report)


def unknown_places(path: Path) -> set[int]:
    with closing(sqlite3.connect(path)) as db:
        return {place for [place] in db.execute("SELECT place FROM batch WHERE state = 'unknown'")}
