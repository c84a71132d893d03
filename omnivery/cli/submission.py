"""The submission of files, and its report."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click
from attrs import define, field

from omnivery.cli.adapter import bulk_adapter
from omnivery.cli.arguments import secret
from omnivery.cli.input import InputOptions, error_words, file_name, follow_file, input_progress, what_to_know
from omnivery.cli.output import console, print_json, printable, progress, report_json, wants_json, where_events_went
from omnivery.cli.server_notice import ServerNotice
from omnivery.display.counts import counted
from omnivery.errors import ConfigError

if TYPE_CHECKING:
    from omnivery.automations.report import SubmitReport
    from omnivery.automations.run import AsyncBulkRun
    from omnivery.readers import FileEvents

COUNTS = ("read", "accepted", "rejected", "undelivered", "batches", "requests", "retries")
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
    sources: list[FileEvents[Any]] = field(init=False, factory=list["FileEvents[Any]"])
    errors: dict[str, Exception] = field(init=False, factory=dict[str, Exception])
    """Files that could not be read to their end, and why."""
    _runs: dict[str, AsyncBulkRun] = field(init=False, factory=dict[str, "AsyncBulkRun"])
    _report: SubmitReport | None = field(init=False, default=None)
    """Of a retry."""

    @property
    def adapter(self) -> Literal["httpx", "aiohttp"]:
        """The HTTP library that the requests run on."""
        return bulk_adapter(self.connection.get("proxy"))

    @property
    def reports(self) -> dict[str, SubmitReport]:
        """The report of each file begun so far; with a journal, of each file in the journal."""
        reports = {name: run.report for name, run in self._runs.items()}
        if self.journal is None or not (reports or self._report):
            return reports
        from omnivery.automations.report import SubmitReport
        from omnivery.bulk.journal.reader import JournalReader
        from omnivery.bulk.report import RunState

        # What a file's own error ended is in `errors`: it says nothing of the others.
        begun = [self._report] if self._report else [one for name, one in reports.items() if name not in self.errors]
        state = RunState(elapsed=0.0, stopped_by=begun[-1].stopped_by if begun else None)
        try:
            with JournalReader.open(self.journal) as view:
                totals = view.totals()
        except ConfigError:
            if self._report or any(one.read for one in reports.values()):
                raise
            return reports  # a signal came while the journal was being created
        return {name: SubmitReport.of(one, state) for name, one in totals.items()}

    @property
    def not_begun(self) -> list[str]:
        """The files that nothing was read of, because the run ended before their turn."""
        return [name for name in map(file_name, self.sources) if name not in self._runs]

    @property
    def all_accepted(self) -> bool:
        """Whether every file was read to its end, and each of its events accepted."""
        reports = self.reports.values()
        return not self.errors and all(one.accepted == one.read and one.stopped_by is None for one in reports)

    def totals(self, *, interrupted: bool) -> dict[str, Any]:
        """The totals of all files: counts added up; rejections, failures and errors with their file."""
        parts = {name: report_json(report, interrupted=interrupted) for name, report in self.reports.items()}
        elapsed = sum(part["elapsed"] for part in parts.values())
        counts = {count: sum(part[count] for part in parts.values()) for count in COUNTS}
        listed = {
            key: [{"file": name, **item} for name, part in parts.items() for item in part[key]]
            for key in ("rejections", "failures")
        }
        errors = [{"file": name, "error": error_words(error)} for name, error in self.errors.items()]
        stops = [part["stopped_by"] for part in parts.values()] + [one["error"] for one in errors]
        return {
            **counts,
            "unfinished": sum(events.unfinished for events in self.sources),
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
            click.echo(f"Error: {printable(name)}: {printable(error_words(error))}", err=True)
        for words in what_to_know(self.sources):
            click.echo(f"Note: {words}", err=True)
        for name, report in self.reports.items() if self.journal else ():
            if report.rejected and report.rejected == report.read:
                click.echo(
                    f"Note: {printable(name)}: every line was rejected, and with this journal none is read again: once "
                    "the options are right, name another journal",
                    err=True,
                )

        if left := self.not_begun:
            named = ", ".join(map(printable, left[:NAMED])) + (" …" if len(left) > NAMED else "")
            click.echo(f"Note: {counted(len(left), 'file')} not begun, as the run ended before: {named}", err=True)

    async def run(self, files: tuple[str, ...], token: str | None, settings: dict[str, str | None]) -> None:
        """Submit one file after the other, until an error that every batch would meet.

        A file that cannot be read does not keep the others from being submitted.
        """
        from omnivery.automations import AsyncAutomations
        from omnivery.automations.config import BASE_URL

        notice = ServerNotice(url=settings.get("base_url") or BASE_URL, proxied=bool(self.connection.get("proxy")))
        options: dict[str, Any] = {**settings, **self.connection, "observers": [notice], "adapter": self.adapter}
        async with AsyncAutomations(token, **options) as client, held(self.journal) as journal:
            # All files are opened before anything is sent, so that a wrong name is reported at once.
            self.sources = self.reading.open(files, complete=self.complete)
            for events in self.sources:
                run = client.bots.stream(
                    events, concurrency=self.concurrency, journal=journal, events_per_second=self.rate
                )
                name = file_name(events)
                self._runs[name] = run
                with notice.watching(), input_progress(events) as advance:
                    error = await follow_file(
                        run,
                        lambda _, run=run: advance(run.report.read),  # type: ignore[misc]
                        decoded=False,
                    )
                if error is not None:
                    self.errors[name] = error
                elif run.report.stopped_by is not None:
                    return

    async def retry(self, token: str | None, base_url: str) -> None:
        """Send the undelivered events of the journal again."""
        from omnivery.automations import AsyncAutomations

        assert self.journal is not None  # noqa: S101  # the command requires it
        notice = ServerNotice(url=base_url, proxied=bool(self.connection.get("proxy")))
        options: dict[str, Any] = {**self.connection, "observers": [notice], "adapter": self.adapter}
        async with AsyncAutomations(token, base_url=base_url, **options) as client:
            with notice.watching(), progress(self.journal, None) as advance:
                self._report = await client.bots.retry(
                    self.journal,
                    concurrency=self.concurrency,
                    on_progress=lambda report: advance(report.accepted),
                )


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


def end_with(run: Submission, interrupted: int) -> NoReturn:
    """Print the totals, and exit with the status that they call for.

    Args:
        run: the submission.
        interrupted: the exit status for a signal; 0 if there was none.
    """
    reports = run.reports
    if not reports:
        raise click.Abort
    is_told = True
    if wants_json():
        is_told = print_totals(run.totals(interrupted=bool(interrupted)))
    else:
        print_summary(reports)
    run.tell()
    if interrupted:
        left = "is still in the journal: the same command resumes" if run.journal else "is counted as undelivered"
        click.echo(f"Interrupted: what was in flight {left}.", err=True)
    sys.exit(interrupted or (0 if is_told and run.all_accepted else 1))


def print_totals(totals: dict[str, Any]) -> bool:
    """Print the totals as JSON. Where that fails, as on a full disk, say in short what was sent, and return False."""
    try:
        print_json(totals)
    except OSError as error:
        sys.stdout = None  # at its end, Python would try once more to write what is left
        counts = ", ".join(f"{totals[name]:,} {name}" for name in COUNTS[:4])
        click.echo(f"Error: the report could not be written: {error_words(error)}. In short: {counts}", err=True)
        return False
    return True


def print_summary(reports: dict[str, SubmitReport]) -> None:
    """Print the report of each file for people."""
    from rich.markup import escape

    out = console()
    for name, report in reports.items():
        rate = report.accepted / report.elapsed if report.elapsed else 0.0
        out.print(
            f"[bold]{report.accepted:,} of {counted(report.read, 'event')} accepted[/] from {escape(printable(name))}: "
            f"{counted(report.batches, 'batch')}, {counted(report.retries, 'retry')}, {rate:,.0f} events a second"
        )
        for line in where_events_went(report):
            out.print(f"  {printable(line)}", markup=False)
