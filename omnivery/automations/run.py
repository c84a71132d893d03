"""A run of bot events: the pool, set up for them."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS, EventWork
from omnivery.automations.report import BatchOutcome, SubmitReport
from omnivery.bulk.outage import OutagePolicy
from omnivery.bulk.pool import Pool
from omnivery.bulk.recorder import Recorder
from omnivery.bulk.target import RunTarget
from omnivery.errors import ConfigError
from omnivery.events.event import EventLike
from omnivery.sync.run import SyncPool
from omnivery.transport import body as encoding
from omnivery.transport.bulk_calls import BulkCalls
from omnivery.transport.config import flag
from omnivery.transport.limits import rate_limiter

if TYPE_CHECKING:
    from typing import Any

    from omnivery.automations.config import AutomationsConfig
    from omnivery.bulk.source_reader import SourceReader
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.config import CallOptions
    from omnivery.transport.operation import Operation

MAX_OUTAGE = 600.0
"""Seconds for which a run waits for a service that accepts nothing, before it stops."""


class AsyncBulkRun(Pool[EventLike, BatchOutcome, SubmitReport]):
    """A bulk submission. Enter it with `async with`, and iterate it for the outcome of each batch.

    Leaving the block early ends the run: events that were read and not settled by then are undelivered. `report` has
    the totals at any moment, and after the end.
    """


class BulkRun(SyncPool[EventLike, BatchOutcome, SubmitReport]):
    """A bulk submission. Enter it with `with`, and iterate it for the outcome of each batch.

    The source is read in the thread that iterates, and only while it iterates or leaves the block: a consumer that
    stops reading stops the run. Leaving the block early ends the run: events that were read and not settled by then are
    undelivered. `report` has the totals at any moment, and after the end.
    """


def event_run(
    client: AsyncBaseClient[AutomationsConfig],
    operation: Operation[Any],
    source: SourceReader[EventLike],
    target: RunTarget,
    *,
    recorder: Recorder[EventLike],
    concurrency: int,
    events_per_second: float | None,
    requests_per_second: float | None,
    options: CallOptions | None,
    max_outage: float | None,
    max_bytes: int = MAX_BYTES,
    max_events: int = MAX_EVENTS,
    ordered: bool = False,
    rounds: int = 2,
) -> AsyncBulkRun:
    """Return a run over a client's connections.

    Raises:
        ConfigError: an option is out of range.
    """
    flag(ordered, argument="ordered")
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 1:
        raise ConfigError(f"max_bytes: expected a whole number from 1, not {max_bytes!r}. Nothing was sent.")
    calls = BulkCalls.of(client, concurrency, options, requests_per_second=requests_per_second, max_outage=max_outage)
    path = calls.client._path(operation, target["domain"])
    send = calls.client._prepared(operation, path, calls.options, content_type=encoding.JSON)
    return AsyncBulkRun(
        source=source,
        work=EventWork(send=send, target=target, size=max_events, max_bytes=max_bytes),
        concurrency=concurrency,
        policy=OutagePolicy(breaker=calls.breaker, rounds=rounds, max_retry_after=calls.max_retry_after),
        pace=rate_limiter(events_per_second, client._pipeline.runtime, argument="events_per_second"),
        ordered=ordered,
        recorder=recorder,
        runtime=client._pipeline.runtime,
    )


def target_of(*, webhook_url: str, domain: str, base_url: str) -> RunTarget:
    """Return the settings that all requests of a run share."""
    values = {"webhook_url": webhook_url, "domain": domain, "base_url": base_url}
    # A webhook's URL may hold a secret of its receiver's.
    return RunTarget(values, secret=frozenset({"webhook_url"}))


def recorder_of(
    journal: str | PathLike[str] | None,
    target: RunTarget,
    *,
    limit: int,
    keep: float | None = None,
    again: bool = False,
) -> Recorder[EventLike]:
    """Return the recorder of a run."""
    if journal is None:
        return Recorder()
    # It imports SQLite, which runs without a journal do not need.
    from omnivery.bulk.journal.recorder import JournalRecorder

    return JournalRecorder(path=journal, target=target, limit=limit, keep=keep, again=again)


def journal_target(journal: str | PathLike[str]) -> RunTarget:
    """Return the settings that a journal was created with.

    Raises:
        ConfigError: there is no such journal, or it cannot be read.
    """
    from omnivery.bulk.journal.reader import JournalReader

    with JournalReader.open(journal) as view:
        return view.target()
