"""The submission of some files, and what is told of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click
from attrs import define, field

from omnivery.cli.arguments import secret
from omnivery.cli.following import follow
from omnivery.cli.output import account, console, print_json, printable, progress, wants_json, where_events_went

if TYPE_CHECKING:
    from omnivery.automations.report import SubmitReport
    from omnivery.bulk.engine import AsyncBulkRun

COUNTS = ("read", "accepted", "rejected", "undelivered", "batches", "requests", "retries")


@define(kw_only=True)
class Submission:
    """The submission of some files. Its accounts can be read at any moment, also after Ctrl-C."""

    concurrency: int
    journal: str | None = None
    _runs: dict[str, AsyncBulkRun] = field(init=False, factory=dict[str, "AsyncBulkRun"])
    _report: SubmitReport | None = field(init=False, default=None)
    """Of a retry."""

    @property
    def reports(self) -> dict[str, SubmitReport]:
        """The account of each file begun so far; with a journal, of each file that it knows."""
        reports = {name: run.report for name, run in self._runs.items()}
        if self.journal is None or not (reports or self._report):
            return reports
        from omnivery.automations.report import report_of
        from omnivery.bulk.journal.reader import JournalReader

        last = self._report or list(reports.values())[-1]
        with JournalReader.open(self.journal) as view:
            totals = view.totals()
        return {name: report_of(one, elapsed=0.0, stopped_by=last.stopped_by) for name, one in totals.items()}

    async def run(self, files: tuple[str, ...], token: str | None, settings: dict[str, str | None]) -> None:
        """Submit file after file; an error that every batch would meet ends it."""
        from omnivery.automations import AsyncAutomations
        from omnivery.cli.input import events_of

        async with AsyncAutomations(token, **settings) as client:  # type: ignore[arg-type]  # all of them are text
            # All files are opened before anything is sent: a wrong name is better known at once.
            sources = [(name, events_of(name)) for name in dict.fromkeys(files)]
            for name, events in sources:
                run = client.bots.stream(events, concurrency=self.concurrency, journal=self.journal)
                with progress(name, None) as advance:
                    await follow(self._begun(name, run), lambda _, run=run: advance(run.report.read))  # type: ignore[misc]
                if run.report.stopped_by is not None:
                    return

    async def retry(self, token: str | None, base_url: str) -> None:
        """Send again what the journal holds."""
        from omnivery.automations import AsyncAutomations

        assert self.journal is not None  # noqa: S101  # the command names it
        async with AsyncAutomations(token, base_url=base_url) as client:
            with progress(self.journal, None) as advance:
                self._report = await client.bots.retry(
                    self.journal,
                    concurrency=self.concurrency,
                    on_progress=lambda report: advance(report.accepted),
                )

    def _begun(self, name: str, run: AsyncBulkRun) -> AsyncBulkRun:
        self._runs[name] = run
        return run


def token() -> str | None:
    """The token, if it has to be asked for; None where the client finds it itself, or says what is missing."""
    if os.environ.get("OMNIVERY_TOKEN", "").strip() or sys.stdin is None or not sys.stdin.isatty():
        return None
    return secret("OMNIVERY_TOKEN", "token")


def end_with(run: Submission, interrupted: int) -> NoReturn:
    """Print the account, and end the command with the status that it calls for.

    Args:
        run: what was done.
        interrupted: the exit status that a signal calls for; 0 where none came.
    """
    reports = run.reports
    if not reports:
        raise click.Abort
    print_json(totals(reports, interrupted=bool(interrupted))) if wants_json() else print_summary(reports)
    if interrupted:
        left = "is still in the journal: the same command goes on" if run.journal else "is counted as undelivered"
        click.echo(f"Interrupted: what was under way {left}.", err=True)
    all_accepted = all(report.accepted == report.read and report.stopped_by is None for report in reports.values())
    sys.exit(interrupted or (0 if all_accepted else 1))


def totals(reports: dict[str, SubmitReport], *, interrupted: bool) -> dict[str, Any]:
    """The files' accounts in one: counts added up, rejections and failures with the file they come from."""
    parts = {name: account(report, interrupted=interrupted) for name, report in reports.items()}
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
    """The files' accounts for people, one after the other."""
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
