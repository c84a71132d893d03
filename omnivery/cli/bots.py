"""`omnivery bots`: bot detection from the command line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
from attrs import define, field

from omnivery.cli.following import follow
from omnivery.cli.interrupting import run_interruptibly
from omnivery.cli.output import account, console, print_json, printable, progress, wants_json, where_events_went

if TYPE_CHECKING:
    from omnivery.automations.bulk.engine import AsyncBulkRun
    from omnivery.automations.bulk.outcome import SubmitReport

COUNTS = ("read", "accepted", "rejected", "undelivered", "batches", "requests", "retries")


@click.group()
def bots() -> None:
    """Bot detection."""


@bots.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--domain", envvar="OMNIVERY_DOMAIN", help="Sending domain; OMNIVERY_DOMAIN if left out.")
@click.option(
    "--webhook-url", envvar="OMNIVERY_WEBHOOK_URL", help="Where verdicts go; OMNIVERY_WEBHOOK_URL if left out."
)
@click.option("--base-url", envvar="OMNIVERY_AUTOMATIONS_URL", help="Another server, such as the emulator.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Batches in flight.")
def submit(
    *, files: tuple[str, ...], domain: str | None, webhook_url: str | None, base_url: str | None, concurrency: int
) -> None:
    """Submit the events of each FILE, one file after the other.

    A FILE is a web-server log in combined format or events as NDJSON, plain or gzip; `-` is standard input. The token
    comes from OMNIVERY_TOKEN, or is asked for on a terminal. Verdicts go to the webhook address.

    Exit status 0: every event was accepted. 1: some were rejected or not delivered; the output says which and why.
    """
    run = Submission(concurrency=concurrency)
    settings = {"domain": domain, "webhook_url": webhook_url, "base_url": base_url}
    interrupted = run_interruptibly(lambda: run.run(files, settings))
    reports = run.reports
    if not reports:
        raise click.Abort
    print_json(_totals(reports, interrupted=bool(interrupted))) if wants_json() else _print_summary(reports)
    if interrupted:
        click.echo("Interrupted: what was under way is counted as undelivered.", err=True)
    all_accepted = all(report.accepted == report.read and report.stopped_by is None for report in reports.values())
    sys.exit(interrupted or (0 if all_accepted else 1))


@define(kw_only=True)
class Submission:
    """The submission of some files. Its accounts can be read at any moment, also after Ctrl-C."""

    concurrency: int
    _runs: dict[str, AsyncBulkRun] = field(init=False, factory=dict[str, "AsyncBulkRun"])

    @property
    def reports(self) -> dict[str, SubmitReport]:
        """The account of each file begun so far."""
        return {name: run.report for name, run in self._runs.items()}

    async def run(self, files: tuple[str, ...], settings: dict[str, str | None]) -> None:
        """Submit file after file; an error that every batch would meet ends it."""
        from omnivery.automations import AsyncAutomations
        from omnivery.cli.feeding import events_of

        async with AsyncAutomations(_token(), **settings) as client:  # type: ignore[arg-type]  # all of them are text
            # All files are opened before anything is sent: a wrong name is better known at once.
            sources = [(name, events_of(name)) for name in dict.fromkeys(files)]
            for name, events in sources:
                run = self._runs[name] = client.bots.stream(events, concurrency=self.concurrency)
                await self._submit(name, run)
                if run.report.stopped_by is not None:
                    return

    async def _submit(self, name: str, run: AsyncBulkRun) -> None:
        with progress(name, None) as advance:
            await follow(run, lambda _: advance(run.report.read))


def _token() -> str | None:
    if os.environ.get("OMNIVERY_TOKEN", "").strip() or not sys.stdin.isatty():
        return None  # the client looks for itself, and says what is missing
    return str(click.prompt("Token (OMNIVERY_TOKEN is not set)", hide_input=True, err=True))


def _totals(reports: dict[str, SubmitReport], *, interrupted: bool) -> dict[str, Any]:
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


def _print_summary(reports: dict[str, SubmitReport]) -> None:
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
