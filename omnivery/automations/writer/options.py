"""Options, report and statistics of a writer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from attrs import Attribute, evolve, field, fields, frozen

from omnivery.automations.batch import MAX_BYTES, MAX_EVENTS
from omnivery.automations.report import SubmitReport
from omnivery.display.record import Record
from omnivery.display.table import Table
from omnivery.errors import BulkError, ConfigError
from omnivery.events.event import EventLike

Overflow = Literal["wait", "raise", "drop"]
"""What `put` does with an event when the buffer is full."""
OVERFLOWS: tuple[Overflow, ...] = ("wait", "raise", "drop")


def _whole(most: float = math.inf) -> Any:
    def check(_: Any, attribute: Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            ceiling = "" if most == math.inf else f" to {most}"
            raise ConfigError(f"{attribute.name}: expected a whole number from 1{ceiling}, not {value!r}")

    return check


def _seconds(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ConfigError(f"{attribute.name}: expected seconds, 0 or more, not {value!r}")


def _overflow(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if value not in OVERFLOWS:
        raise ConfigError(f"{attribute.name}: expected one of {', '.join(OVERFLOWS)}, not {value!r}")


@frozen(kw_only=True)
class WriterOptions:
    """When a writer's batches go out, how many events may wait, and how long closing may take.

    Raises:
        ConfigError: a value is invalid; the message names it.
    """

    linger: float = field(default=1.0, validator=_seconds)
    """Seconds after which the oldest event goes out, even if its batch is not full."""
    max_events: int = field(default=MAX_EVENTS, validator=_whole(MAX_EVENTS))
    """Events of one batch."""
    max_bytes: int = field(default=MAX_BYTES, validator=_whole())
    """Bytes of one batch, by estimate; no request is ever larger."""
    max_buffered: int = field(default=50_000, validator=_whole())
    """Events that may wait in the buffer, beside those in flight."""
    overflow: Overflow = field(default="wait", validator=_overflow)
    """What `put` does when that many wait."""
    close_timeout: float = field(default=30.0, validator=_seconds)
    """Seconds that the last batches have when the writer is closed."""
    cancel_timeout: float = field(default=5.0, validator=_seconds)
    """The same when it is cancelled, or interrupted by Ctrl-C."""


@frozen(kw_only=True)
class WriterReport(SubmitReport):
    """The report of a writer: at its end `accepted + rejected + undelivered == read`.

    `read` counts the events that the writer took. Before the end, some of them are buffered or in flight.
    """

    dropped: int = 0
    """Events that the writer did not take, because its buffer was full and its overflow is `drop`."""
    late: int = 0
    """How many events were older than the service's memory of honeypot hits when they went out."""

    def __reduce__(self) -> tuple[Any, ...]:
        _, (values,) = super().__reduce__()
        return _restored, (values | {"dropped": self.dropped, "late": self.late},)

    def raise_for_failures(self) -> None:
        """Raise unless every event was accepted.

        Raises:
            BulkError: something was rejected, undelivered or dropped, or the writer was stopped.
        """
        if self.dropped:
            raise BulkError(self.summary(), report=self) from self.stopped_by
        super().raise_for_failures()

    def summary(self) -> str:
        """The report in a sentence."""
        dropped = f"; {self.dropped} more were dropped, because the buffer was full" if self.dropped else ""
        return super().summary() + dropped

    def _overview(self) -> Table:
        overview = super()._overview()
        return evolve(overview, caption=f"{overview.caption}, {self.dropped:,} events dropped, {self.late:,} late")


@frozen(kw_only=True)
class WriterStatistics(Record):
    """Counts of a writer's events at one moment: cheap enough for a metric that is read every second.

    `put - buffered - accepted - rejected - undelivered` events are in flight, unless a journal adds the events of
    earlier writers to the last three.
    """

    put: int
    """Events that the writer took."""
    buffered: int
    """Events that wait for their batch."""
    oldest_age: float
    """Seconds for which the oldest of them has waited; 0 if there is none."""
    accepted: int
    """Events that the service accepted."""
    rejected: int
    """Events that were not valid, or that the service refused."""
    undelivered: int
    """Events that were not accepted, for no fault of their own."""
    dropped: int
    """Events that were not taken, because the buffer was full."""
    late: int
    """Events that were older than 30 minutes when they went out."""
    batches: int
    """Batches of which at least one request has ended."""
    requests: int
    """Requests that ended, retries and parts of batches included."""
    retries: int
    """How many of the requests were retries."""


def as_writer_report(report: SubmitReport, *, unsent: Sequence[EventLike], **more: Any) -> WriterReport:
    """Return a run's report as a writer's, with the events that the run never got, and with some values replaced."""
    values: dict[Any, Any] = {each.alias: getattr(report, each.name) for each in fields(SubmitReport)}
    values["undelivered_items"] += tuple(unsent)
    return WriterReport(**(values | more))


def _restored(values: dict[str, Any]) -> WriterReport:
    return WriterReport(**values)
