"""The report of a submission: as JSON, as text for people, and as an exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from omnivery import readers
from omnivery.bulk.report import RunTotals
from omnivery.cli.input import error_words
from omnivery.cli.output import console, print_json, printable, say, wants_json, where_events_went
from omnivery.cli.submission import COUNTS, Submission
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from rich.console import Console

    from omnivery.automations.report import SubmitReport


def end_with(run: Submission, interrupted: int) -> NoReturn:
    """Print the totals, and exit with the status that they call for.

    Args:
        run: the submission.
        interrupted: the exit status for a signal; 0 if there was none.
    """
    if not run.reports:
        raise click.Abort
    is_told = True
    if wants_json():
        is_told = print_totals(run.totals(interrupted=bool(interrupted)))
    else:
        print_summary(run)
    run.tell()
    if run.errors and not run.journal and run.has_read_others:
        say("Note: name only these the next time: without a journal, the others would be sent again")
    if interrupted:
        left = "is still in the journal: the same command resumes" if run.journal else "is counted as undelivered"
        say(f"Interrupted: what was in flight {left}.")
    sys.exit(interrupted or (0 if is_told and run.all_accepted else 1))


def print_totals(totals: dict[str, Any]) -> bool:
    """Print the totals as JSON. Where that fails, as on a full disk, say in short what was sent, and return False."""
    try:
        print_json(totals)
    except OSError as error:
        sys.stdout = None  # a broken pipe, too: at its end, Python would try once more to write what is left
        counts = ", ".join(f"{totals[name]:,} {name}" for name in COUNTS[:4])
        say(f"Error: the report could not be written: {error_words(error)}. In short: {counts}")
        return False
    return True


def print_summary(run: Submission) -> None:
    """Print what became of each file for people. What this run did stands apart from what all runs did together."""
    out, reports, before = console(), run.reports, run.before
    named = {events.name for events in run.sources.values() if isinstance(events, readers.FileEvents)}
    done = {name for name, report in reports.items() if _was_done(report, before.get(name))}
    # Of the other files that a journal knows, those are told that are not well, or that a retry has mended.
    nothing_new = done & named
    told = reports.keys() - done | (nothing_new if len(nothing_new) == 1 else set())
    for name, report in reports.items():
        # Of a file that could not be read at all, its error says all that there is to say.
        if name in told and (report.read or name not in run.errors):
            _print_file(out, name, report, before.get(name))
    if len(nothing_new) > 1:
        out.print(f"[bold]Nothing to send in this run[/] from {counted(len(nothing_new), 'file')}")
    if before and len(reports) > 1:
        accepted, read = sum(one.accepted for one in reports.values()), sum(one.read for one in reports.values())
        share = f"{accepted:,} of {counted(read, 'event')} accepted"
        out.print(f"[bold]All runs with this journal: {share}[/] from {counted(len(reports), 'file')}")


def _was_done(report: SubmitReport, earlier: RunTotals[Any] | None) -> bool:
    """Whether earlier runs had all of a file's events accepted, and this run has found no more."""
    return earlier is not None and earlier.accepted == report.accepted == report.read


def _print_file(out: Console, name: str, report: SubmitReport, earlier: RunTotals[Any] | None) -> None:
    from rich.markup import escape

    shown = escape(printable(name))
    if earlier is None:
        head = f"[bold]{report.accepted:,} of {counted(report.read, 'event')} accepted[/] from {shown}"
        out.print(f"{head}: {counted(report.batches, 'batch')}, {_effort(report, RunTotals())}")
    elif report.requests == earlier.requests and report.read == earlier.read:
        out.print(f"[bold]Nothing to send in this run[/] from {shown}")
    else:
        accepted = counted(report.accepted - earlier.accepted, "event")
        # A batch that an earlier run has tried is one of that run's.
        requests = counted(report.requests - earlier.requests, "request")
        out.print(f"[bold]{accepted} accepted in this run[/] from {shown}: {requests}, {_effort(report, earlier)}")
    if earlier is not None:
        out.print(f"  all runs with this journal: {report.accepted:,} of {counted(report.read, 'event')} accepted")
    for line in where_events_went(report, name):
        out.print(f"  {printable(line)}", markup=False)


def _effort(report: SubmitReport, earlier: RunTotals[Any]) -> str:
    """Retries and speed since."""
    retries, elapsed = report.retries - earlier.retries, report.elapsed - earlier.elapsed
    rate = (report.accepted - earlier.accepted) / elapsed if elapsed > 0 else 0.0
    return f"{counted(retries, 'retry')}, {rate:,.0f} events a second"
