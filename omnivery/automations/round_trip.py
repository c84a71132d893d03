"""Submit events, and wait for their verdicts: what became of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from attrs import field, frozen

from omnivery.display.table import Table, account_table, words_of
from omnivery.display.tabular import Tabular
from omnivery.errors import BulkError, ConfigError, OmniveryError
from omnivery.events.validation import event_id_of
from omnivery.transport.config import callback
from omnivery.transport.runtime import run_in_thread
from omnivery.webhooks.receiver import Receiver
from omnivery.webhooks.store import VerdictStore
from omnivery.webhooks.verdict_wait import HeardVerdicts, Refusals, VerdictWait, ends_after

if TYPE_CHECKING:
    from omnivery.automations.report import SubmitReport

LISTED = 1000
"""Ids of events without a verdict that a report lists."""
STORE = "the store of verdicts"


@frozen(kw_only=True)
class RoundTripReport(Tabular):
    """What became of events and of their verdicts: `verdicts + missing == accepted`.

    As a data frame it is the problems of the submission.
    """

    submission: SubmitReport
    """The report of the submission."""
    verdicts: int = 0
    """Accepted events that have their verdict: `bots + humans + unknown`."""
    bots: int = 0
    humans: int = 0
    unknown: int = 0
    """Verdicts that say neither."""
    missing: int = 0
    """Accepted events that have none at the end of the wait."""
    refused: int = 0
    """Of the missing: those whose verdicts came in calls that the receiver refused for good. `refusals` says why."""
    missing_ids: tuple[str, ...] = field(default=(), repr=False)
    """Ids of the first thousand missing events: wait longer for them with `store.wait(ids, timeout=…)`."""
    refusals: Mapping[str, int] = field(factory=dict[str, int])
    """Calls that the receiver did not handle, by `webhooks.RefusalReason`. Empty if only a store was given."""

    @property
    def read(self) -> int:
        """Items taken from the source."""
        return self.submission.read

    @property
    def accepted(self) -> int:
        """Events that the service accepted."""
        return self.submission.accepted

    @property
    def rejected(self) -> int:
        """Items that were not valid, or that the service refused; `submission.rejections` says why."""
        return self.submission.rejected

    @property
    def undelivered(self) -> int:
        """Events that did not get through; `submission.undelivered_events()` returns them."""
        return self.submission.undelivered

    def summary(self) -> str:
        """The report in a sentence."""
        refused = f" ({self.refused} in calls that were refused)" if self.refused else ""
        reasons = "".join(f"; {count} calls refused: {reason}" for reason, count in self.refusals.items())
        return f"{self.submission.summary()}; {self.verdicts} verdicts, {self.missing} missing{refused}{reasons}"

    def raise_for_failures(self) -> None:
        """Raise unless every item of the source was accepted and has its verdict.

        Raises:
            BulkError: something was rejected or undelivered, or a verdict is missing.
        """
        self.submission.raise_for_failures()
        if self.missing:
            raise BulkError(self.summary(), report=self)

    def _table(self) -> Table:
        return self.submission._table()

    def _overview(self) -> Table:
        names = ("read", "accepted", "rejected", "undelivered", "verdicts", "bots", "humans", "unknown", "missing")
        refusals = [(reason, count, "") for reason, count in self.refusals.items()]
        failed = [(f"batch {one.batch}", one.events, words_of(one.error)) for one in self.submission.failures]
        return account_table(
            "Events and verdicts",
            {name: getattr(self, name) for name in names},
            {"undelivered": failed, "refused calls": refusals},
            stopped_by=self.submission.stopped_by,
        )


class EventRun(Protocol):
    """What `bots.stream` returns."""

    @property
    def report(self) -> SubmitReport:
        """The report so far."""
        ...

    @property
    def _fault(self) -> tuple[str, Exception] | None:
        """The exception of the caller's code that ended the run, and what raised it."""
        ...

    def _fail(self, what: str, error: Exception) -> None:
        """End the run for an exception of the caller's code, which the iteration then raises."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def __aiter__(self) -> AsyncIterator[Any]: ...


async def submit_and_wait(
    start: Callable[[], EventRun],
    verdicts: Receiver | VerdictStore,
    *,
    timeout: float,  # noqa: ASYNC109  # of the wait alone; the submission takes its time
    on_progress: Callable[[RoundTripReport], None] | None = None,
) -> RoundTripReport:
    """Take a run to its end, and wait for the verdicts of what was accepted.

    Args:
        start: makes the run.
        verdicts: as in `bots.submit_and_wait`.
        timeout: as in `bots.submit_and_wait`.
        on_progress: as in `bots.submit_and_wait`.

    Raises:
        ConfigError: as `bots.submit_and_wait`.
        BulkError: the source, `on_progress` or the store of verdicts raised.
    """
    callback(on_progress, argument="on_progress")
    ends_after(timeout)  # an invalid timeout is known before anything is sent
    with _arrivals(verdicts) as (rows, refusals):
        wait = await run_in_thread(lambda: VerdictWait(rows, refused=refusals.event_ids))
        # Nothing is awaited before it is entered: a run that is never entered warns.
        trip = _RoundTrip(run=start(), wait=wait, refusals=refusals, on_progress=on_progress)
        try:
            await trip.submit()
            await trip.wait_for_verdicts(timeout)
        except BaseException as interruption:
            # An interrupted call cannot return its report, so the exception carries a summary of it.
            if not isinstance(interruption, Exception):
                interruption.add_note(f"omnivery: the wait was interrupted: {trip.report().summary()}")
            raise
        return trip.report()


@frozen(kw_only=True, eq=False)
class _RoundTrip:
    """A submission, and the wait for its verdicts."""

    run: EventRun
    wait: VerdictWait
    refusals: Refusals
    on_progress: Callable[[RoundTripReport], None] | None

    def report(self) -> RoundTripReport:
        return _report(self.run.report, self.wait, self.refusals)

    async def submit(self) -> None:
        try:
            async with self.run:
                async for outcome in self.run:
                    await self._settled([event_id_of(event) or "" for event in outcome.accepted])
        except Exception:
            if self.run._fault is None:
                raise
            what, cause = self.run._fault
            raise self._failed(what, cause) from cause

    async def wait_for_verdicts(self, timeout: float) -> None:  # noqa: ASYNC109  # its caller's
        try:
            await self.wait.wait_until(ends_after(timeout))
        except OmniveryError as error:
            raise self._failed(STORE, error) from error

    async def _settled(self, events: list[str]) -> None:
        if self.run._fault is not None:
            # They are missing: nothing is looked up any more.
            self.wait.pending.update(events)
            return
        try:
            await run_in_thread(self._advance, events)
        except OmniveryError as error:
            self.run._fail(STORE, error)
            return
        try:
            if self.on_progress is not None:
                self.on_progress(self.report())
        except Exception as error:  # noqa: BLE001  # the caller's code: its error must not take the report along
            self.run._fail("on_progress", error)

    def _advance(self, events: list[str]) -> None:
        self.wait.add(events)
        self.wait.look()

    def _failed(self, what: str, cause: Exception) -> BulkError:
        report = self.report()
        words = f" ({cause})" if isinstance(cause, OmniveryError) else ""
        return BulkError(f"{what} raised {type(cause).__name__}{words}: {report.summary()}", report=report)


@contextmanager
def _arrivals(verdicts: Receiver | VerdictStore) -> Iterator[tuple[Any, Refusals]]:
    """Where the verdicts arrive, and what the receiver refuses meanwhile."""
    if isinstance(verdicts, VerdictStore):
        yield verdicts, Refusals()
    elif isinstance(verdicts, Receiver):
        watcher = HeardVerdicts() if verdicts.store is None else Refusals()
        with verdicts.watch(watcher):
            yield watcher if verdicts.store is None else verdicts.store, watcher  # an empty store is false
    else:
        raise ConfigError(f"verdicts must be a Receiver or a VerdictStore, not {type(verdicts).__name__}")


def _report(submission: SubmitReport, wait: VerdictWait, refusals: Refusals) -> RoundTripReport:
    found = wait.verdicts
    return RoundTripReport(
        submission=submission,
        verdicts=found.total(),
        bots=found[True],
        humans=found[False],
        unknown=found[None],
        missing=wait.pending.total(),
        refused=wait.refused,
        missing_ids=tuple(islice(wait.pending, LISTED)),
        refusals=dict(refusals.calls),
    )
