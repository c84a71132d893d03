"""What the tests of the journal share: a run with one, what a crash leaves of it, and what stands in it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import anyio

from omnivery.automations import SubmitReport
from omnivery.automations.run import AsyncBulkRun
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.recorder import JournalRecorder
from omnivery.bulk.source import BatchSource
from omnivery.bulk.target import RunTarget
from omnivery.events.encoding import events_in
from omnivery.events.event import EventLike
from tests.support.bots import (
    TARGET,
    Post,
    Server,
    finish,
    refusal,
    run_of,
    sent,
)


def journalled(
    source: Any, post: Post, path: str | PathLike[str], *, target: RunTarget = TARGET, **options: Any
) -> AsyncBulkRun:
    """A run that keeps a journal, and whose server is a function."""
    own = {name: options.pop(name) for name in ("limit", "again", "keep") if name in options}
    recorder: JournalRecorder[Any] = JournalRecorder(path=path, target=target, **own)
    return run_of(source, post, recorder=recorder, target=target, **options)


class Pipe(BatchSource[EventLike]):
    """A source whose items come once, so that a batch is written before it is sent."""

    def __init__(self, items: Iterable[EventLike]) -> None:
        self._items = iter(items)

    async def read_into(self, items: list[EventLike], count: int) -> None:
        items.extend(islice(self._items, count))


class Refusing:
    """A server that refuses the key, once so many requests are in flight."""

    def __init__(self, requests: int) -> None:
        self._missing = requests
        self._all_in = anyio.Event()

    async def __call__(self, _: bytes) -> int:
        self._missing -= 1
        if self._missing <= 0:
            self._all_in.set()
        await self._all_in.wait()
        raise refusal(401)


class Seen:
    """A server that takes so many batches, and then hangs."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self.server = Server(takes)
        self.events: list[dict[str, Any]] = []

    async def __call__(self, body: bytes) -> int:
        attempts = await self.server(body)
        self.events += sent(body)
        return attempts


async def interrupted(source: Any, seen: Seen, path: Path, *, outcomes: int) -> None:
    run = journalled(source, seen, path, concurrency=2)
    async with run:
        for _ in range(outcomes):
            await anext(run)


async def submit(source: Any, post: Post, path: str | PathLike[str], **options: Any) -> SubmitReport:
    return await finish(journalled(source, post, path, **options))


def as_killed(path: Path, name: str) -> Path:
    """The journal as `kill -9` would leave it at this moment, under another name. Nothing was closed or tidied."""
    left = path.with_name(name)
    # The log first: a checkpoint in between moves what is in it to the file.
    for ending in ("-wal", ""):
        file = path.with_name(path.name + ending)
        if file.exists():
            shutil.copy(file, left.with_name(left.name + ending))
    return left


def accepted_ids(path: Path) -> list[str]:
    """The ids of all batches that the journal has as accepted."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT ids FROM batch WHERE state = 'accepted' AND body IS NULL").fetchall()
    return [one for [ids] in rows for one in json.loads(ids)]


def bodies(path: Path) -> list[bytes]:
    """What is still to be sent, or was given up."""
    with closing(sqlite3.connect(path)) as db:
        return [body for [body] in db.execute("SELECT body FROM batch WHERE body IS NOT NULL ORDER BY id")]


def where_events_are(path: Path) -> list[str | None]:
    """The id of every event that the journal knows, once for each place in which it stands."""
    with JournalReader.open(path) as view:
        problems = [*view.rejected(), *view.undelivered(events_in)]
    return [*accepted_ids(path), *(problem.item_id for problem in problems)]


def counts(report: SubmitReport) -> tuple[int, ...]:
    """A report without its clock."""
    return (
        report.read,
        report.accepted,
        report.rejected,
        report.undelivered,
        report.batches,
        report.requests,
        report.retries,
    )
