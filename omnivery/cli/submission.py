"""The submission of files, and what it came to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve, field

from omnivery.cli.adapter import bulk_adapter
from omnivery.cli.arguments import secret
from omnivery.cli.input import InputOptions, error_words, follow_file, what_to_know
from omnivery.cli.output import printable, progress, report_json, say
from omnivery.cli.server_notice import ServerNotice
from omnivery.display.counts import counted
from omnivery.display.progress import Advance, watching
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.automations.report import BatchOutcome, SubmitReport
    from omnivery.automations.run import AsyncBulkRun
    from omnivery.bulk.report import RunTotals
    from omnivery.events.event import EventLike

COUNTS = ("read", "accepted", "rejected", "undelivered", "batches", "requests", "retries")
ADDED = ("read", "accepted", "rejected", "batches", "requests", "retries")
"""Counts that only grow from one run with a journal to the next."""
NAMED = 3
"""Files whose names are told of those that were not begun. JSON has all of them."""


@define(kw_only=True)
class Submission:
    """The submission of files. Its reports can be read at any time, also after Ctrl-C."""

    concurrency: int
    journal: str | None = None
    connection: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The client's settings for the connection: proxy and certificate authorities."""
    reading: InputOptions = field(factory=InputOptions)
    complete: bool = False
    """Whether a last line without an ending is submitted though its file may still grow."""
    rate: float | None = None
    """The most events a second."""
    on_outcome: Callable[[BatchOutcome], None] | None = None
    """Called with the outcome of each batch."""
    sources: Mapping[str, Iterable[EventLike]] = field(factory=dict[str, "Iterable[EventLike]"])
    """What is submitted, by the names that the user gave."""
    errors: dict[str, Exception] = field(init=False, factory=dict[str, Exception])
    """Files that could not be read to their end, and why."""
    _runs: dict[str, AsyncBulkRun] = field(init=False, factory=dict[str, "AsyncBulkRun"])
    _report: SubmitReport | None = field(init=False, default=None)
    """Of a retry."""
    _before: dict[str, RunTotals[Any]] | None = field(init=False, default=None)
    """What the journal had of each file before; None until that was looked up."""

    @property
    def adapter(self) -> Literal["httpx", "aiohttp"]:
        """The HTTP library that the requests run on."""
        return bulk_adapter(self.connection.get("proxy"))

    @property
    def reports(self) -> dict[str, SubmitReport]:
        """The report of each file begun so far; with a journal, of each file in the journal."""
        # What a file's own error ended is in `errors`: it says nothing of the others.
        reports = {
            name: evolve(run.report, stopped_by=None) if name in self.errors else run.report
            for name, run in self._runs.items()
        }
        if self.journal is None or not (reports or self._report):
            return reports
        from omnivery.automations.report import SubmitReport
        from omnivery.bulk.report import RunState

        begun = [self._report] if self._report else [one for name, one in reports.items() if name not in self.errors]
        state = RunState(elapsed=0.0, stopped_by=begun[-1].stopped_by if begun else None)
        try:
            totals = totals_in(self.journal)
        except ConfigError:
            if self._report or any(one.read for one in reports.values()):
                raise
            return reports  # a signal came while the journal was being created
        return {name: SubmitReport.of(one, state) for name, one in totals.items()}

    @property
    def before(self) -> Mapping[str, RunTotals[Any]]:
        """The totals of earlier runs with the journal, by file."""
        return self._before or {}

    @property
    def not_begun(self) -> list[str]:
        """The files that nothing was read of, because the run ended before their turn."""
        return [name for name in self.sources if name not in self._runs]

    @property
    def has_read_others(self) -> bool:
        """Whether a file was read beside those that could not be."""
        return any(name not in self.errors for name in self._runs)

    @property
    def all_accepted(self) -> bool:
        """Whether every file was read to its end, and each of its events accepted."""
        reports = self.reports.values()
        return not self.errors and all(one.accepted == one.read and one.stopped_by is None for one in reports)

    def totals(self, *, interrupted: bool) -> dict[str, Any]:
        """The totals of all files: counts added up; rejections, failures and errors with their file."""
        parts = {name: report_json(report, name, interrupted=interrupted) for name, report in self.reports.items()}
        elapsed = sum(part["elapsed"] for part in parts.values())
        counts = {count: sum(part[count] for part in parts.values()) for count in COUNTS}
        earlier = {count: sum(getattr(one, count) for one in self.before.values()) for count in ADDED}
        listed = {key: [item for part in parts.values() for item in part[key]] for key in ("rejections", "failures")}
        errors = [{"file": name, "error": error_words(error)} for name, error in self.errors.items()]
        stops = [part["stopped_by"] for part in parts.values()] + [one["error"] for one in errors]
        return {
            **counts,
            "this_run": {count: counts[count] - earlier[count] for count in ADDED},
            "unfinished": sum(getattr(events, "unfinished", 0) for events in self.sources.values()),
            "elapsed": elapsed,
            "events_per_second": round(counts["accepted"] / elapsed, 1) if elapsed else 0.0,
            **listed,
            "errors": errors,
            "not_begun": self.not_begun,
            "stopped_by": next(filter(None, stops), None),
        }

    def tell(self) -> None:
        """Say on standard error what has to be known of the files beside their events."""
        for name, error in self.errors.items():
            say(f"Error: {printable(name)}: {printable(error_words(error))}")
        for name, events in self.sources.items():
            for words in what_to_know(name, events):
                say(f"Note: {printable(words)}")
        for name, report in self.reports.items() if self.journal else ():
            if report.rejected and report.rejected == report.read:
                say(
                    f"Note: {printable(name)}: every line was rejected, and with this journal none is read again: once "
                    "the options are right, name another journal"
                )
        if left := self.not_begun:
            named = ", ".join(map(printable, left[:NAMED])) + (" …" if len(left) > NAMED else "")
            say(f"Note: {counted(len(left), 'file')} not begun, as the run ended before: {named}")

    async def run(self, files: tuple[str, ...], token: str | None, settings: Mapping[str, str | None]) -> None:
        """Submit one file after the other, until an error that every batch would meet.

        A file that cannot be opened, or read to its end, does not keep the others from being submitted. Without files,
        the `sources` that are there are submitted.
        """
        from omnivery.automations import AsyncAutomations
        from omnivery.automations.config import BASE_URL

        notice = ServerNotice(url=settings.get("base_url") or BASE_URL, proxied=bool(self.connection.get("proxy")))
        options: dict[str, Any] = {**settings, **self.connection, "observers": [notice], "adapter": self.adapter}
        async with AsyncAutomations(token, **options) as client, held(self.journal) as journal:
            if files:
                # All are opened before anything is sent, so that a wrong name is told at once.
                self.sources, errors = self.reading.open(files, complete=self.complete)
                self.errors |= errors
            self._look_up_before()
            for name, events in self.sources.items():
                run = self._runs[name] = client.bots.stream(
                    events, concurrency=self.concurrency, journal=journal, events_per_second=self.rate
                )
                with notice.watching(), watching(printable(name), events, progress=True) as advance:
                    error = await self._follow(run, advance)
                if error is not None:
                    self.errors[name] = error
                elif run.report.stopped_by is not None:
                    return

    async def _follow(self, run: AsyncBulkRun, advance: Advance) -> Exception | None:
        """Go through a run to its end. Returns why its source could not be read to its end, if it could not."""
        settled = 0  # of this file, and in this run: with a journal, the run's report has those of all

        def enter(outcome: BatchOutcome) -> None:
            nonlocal settled
            if self.on_outcome is not None:
                self.on_outcome(outcome)
            settled += len(outcome.accepted) + len(outcome.rejected) + len(outcome.undelivered)
            advance(settled)

        error = await follow_file(run, enter, decoded=self.on_outcome is not None)
        advance(settled)  # nothing new is no batch, and done all the same
        return error

    async def retry(self, token: str | None, base_url: str) -> None:
        """Send the undelivered events of the journal again."""
        from omnivery.automations import AsyncAutomations

        assert self.journal is not None  # noqa: S101  # the command requires it
        self._look_up_before()
        notice = ServerNotice(url=base_url, proxied=bool(self.connection.get("proxy")))
        options: dict[str, Any] = {**self.connection, "observers": [notice], "adapter": self.adapter}
        async with AsyncAutomations(token, base_url=base_url, **options) as client:
            with notice.watching(), progress(self.journal, None) as advance:
                self._report = await client.bots.retry(
                    self.journal,
                    concurrency=self.concurrency,
                    on_progress=lambda report: advance(report.accepted),
                )

    def _look_up_before(self) -> None:
        """Look up what earlier runs did, unless this one, which may retry after it has submitted, did so already."""
        if self.journal is None or self._before is not None:
            return
        self._before = {}
        # If it is missing or unusable, the run creates it, or reports what is wrong with it.
        with suppress(ConfigError):
            self._before = totals_in(self.journal)


def totals_in(journal: str) -> dict[str, RunTotals[Any]]:
    """Return the totals of each file in a journal.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    from omnivery.bulk.journal.reader import JournalReader

    with JournalReader.open(journal) as view:
        return view.totals()


def held(journal: str | None) -> AbstractAsyncContextManager[PathLike[str] | None]:
    """Have a journal stay open from one file to the next."""
    if journal is None:
        return nullcontext()
    from omnivery.bulk.journal.held import HeldJournal

    return HeldJournal(journal)


def token() -> str | None:
    """The token, if it must be prompted for; None if the client finds it, or reports that it is missing."""
    if os.environ.get("OMNIVERY_TOKEN", "").strip() or sys.stdin is None or not sys.stdin.isatty():
        return None
    return secret("OMNIVERY_TOKEN", "token")
