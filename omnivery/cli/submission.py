"""The submission of files, and its report."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import click
from attrs import define, field

from omnivery.cli.arguments import secret
from omnivery.cli.output import (
    console,
    print_json,
    printable,
    progress,
    report_json,
    wants_json,
    where_events_went,
)
from omnivery.cli.server_notice import ServerNotice

if TYPE_CHECKING:
    from omnivery.automations.report import SubmitReport
    from omnivery.automations.run import AsyncBulkRun

COUNTS = ("read", "accepted", "rejected", "undelivered", "batches", "requests", "retries")


@define(kw_only=True)
class Submission:
    """The submission of files. Its reports can be read at any time, also after Ctrl-C."""

    concurrency: int
    journal: str | None = None
    connection: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The client's settings for the connection: proxy and certificate authorities."""
    _runs: dict[str, AsyncBulkRun] = field(init=False, factory=dict[str, "AsyncBulkRun"])
    _report: SubmitReport | None = field(init=False, default=None)
    """Of a retry."""

    @property
    def reports(self) -> dict[str, SubmitReport]:
        """The report of each file begun so far; with a journal, of each file in the journal."""
        reports = {name: run.report for name, run in self._runs.items()}
        if self.journal is None or not (reports or self._report):
            return reports
        from omnivery.automations.report import SubmitReport
        from omnivery.bulk.journal.reader import JournalReader
        from omnivery.bulk.report import RunState

        last = self._report or list(reports.values())[-1]
        with JournalReader.open(self.journal) as view:
            totals = view.totals()
        state = RunState(elapsed=0.0, stopped_by=last.stopped_by)
        return {name: SubmitReport.of(one, state) for name, one in totals.items()}

    async def run(self, files: tuple[str, ...], token: str | None, settings: dict[str, str | None]) -> None:
        """Submit one file after the other, until an error that every batch would meet."""
        from omnivery.automations import AsyncAutomations
        from omnivery.automations.config import BASE_URL
        from omnivery.cli.input import events_of

        notice = ServerNotice(url=settings.get("base_url") or BASE_URL)
        options: dict[str, Any] = {**settings, **self.connection, "observers": [notice]}
        async with AsyncAutomations(token, **options) as client:
            # All files are opened before anything is sent, so that a wrong name is reported at once.
            sources = [(name, events_of(name)) for name in dict.fromkeys(files)]
            for name, events in sources:
                run = client.bots.stream(events, concurrency=self.concurrency, journal=self.journal)
                with notice.watching(), progress(name, None) as advance:
                    await self._begun(name, run).follow(lambda _, run=run: advance(run.report.read))  # type: ignore[misc]
                if run.report.stopped_by is not None:
                    return

    async def retry(self, token: str | None, base_url: str) -> None:
        """Send the undelivered events of the journal again."""
        from omnivery.automations import AsyncAutomations

        assert self.journal is not None  # noqa: S101  # the command requires it
        notice = ServerNotice(url=base_url)
        async with AsyncAutomations(token, base_url=base_url, observers=[notice], **self.connection) as client:
            with notice.watching(), progress(self.journal, None) as advance:
                self._report = await client.bots.retry(
                    self.journal,
                    concurrency=self.concurrency,
                    on_progress=lambda report: advance(report.accepted),
                )

    def _begun(self, name: str, run: AsyncBulkRun) -> AsyncBulkRun:
        self._runs[name] = run
        return run


def token() -> str | None:
    """The token, if it must be prompted for; None if the client finds it, or reports that it is missing."""
    if os.environ.get("OMNIVERY_TOKEN", "").strip() or sys.stdin is None or not sys.stdin.isatty():
        return None
    return secret("OMNIVERY_TOKEN", "token")


def end_with(run: Submission, interrupted: int) -> NoReturn:
    """Print the totals, and exit with the status that they call for.

    Args:
        run: the submission.
        interrupted: the exit status for a signal; 0 if there was none.
    """
    reports = run.reports
    if not reports:
        raise click.Abort
    print_json(totals(reports, interrupted=bool(interrupted))) if wants_json() else print_summary(reports)
    if interrupted:
        left = "is still in the journal: the same command resumes" if run.journal else "is counted as undelivered"
        click.echo(f"Interrupted: what was in flight {left}.", err=True)
    all_accepted = all(report.accepted == report.read and report.stopped_by is None for report in reports.values())
    sys.exit(interrupted or (0 if all_accepted else 1))


def totals(reports: dict[str, SubmitReport], *, interrupted: bool) -> dict[str, Any]:
    """The totals of all files: counts added up, rejections and failures with their file."""
    parts = {name: report_json(report, interrupted=interrupted) for name, report in reports.items()}
    elapsed = sum(part["elapsed"] for part in parts.values())
    counts = {count: sum(part[count] for part in parts.values()) for count in COUNTS}
    listed = {
        key: [{"file": name, **item} for name, part in parts.items() for item in part[key]]
        for key in ("rejections", "failures")
    }
    stopped_by = next((part["stopped_by"] for part in parts.values() if part["stopped_by"]), None)
    rate = round(counts["accepted"] / elapsed, 1) if elapsed else 0.0
    return {**counts, "elapsed": elapsed, "events_per_second": rate, **listed, "stopped_by": stopped_by}


def print_summary(reports: dict[str, SubmitReport]) -> None:
    """Print the report of each file for people."""
    from rich.markup import escape

    out = console()
    for name, report in reports.items():
        rate = report.accepted / report.elapsed if report.elapsed else 0.0
        out.print(
            f"[bold]{report.accepted:,} of {report.read:,} events accepted[/] from {escape(printable(name))}: "
            f"{report.batches:,} batches, {report.retries:,} retries, {rate:,.0f} events a second"
        )
        for line in where_events_went(report):
            out.print(f"  {line}", markup=False)
