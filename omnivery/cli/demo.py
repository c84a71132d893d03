"""`omnivery demo`: events out in concurrent batches, signed verdicts back, each matched to its event."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
import click
from attrs import define, field, frozen

from omnivery.cli.command import command
from omnivery.cli.input import InputOptions, input_options, rate_option
from omnivery.cli.matching import VerdictMatcher
from omnivery.cli.output import console, print_json, printable, say, wants_json, where_events_went
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.submission import Submission
from omnivery.display.counts import counted

if TYPE_CHECKING:
    from omnivery.automations.report import BatchOutcome
    from omnivery.emulator import Emulator
    from omnivery.webhooks import BotVerdicts

SAMPLE = 20_000
"""Events of the sample newsletter."""
VERDICT_TIMEOUT = 60.0
"""Seconds to wait for the last verdicts once everything is submitted."""
BUSIEST = 8
"""Number of user agents in the summary."""


@command(
    examples="""
    omnivery demo
    omnivery demo /var/log/nginx/access.log
    zcat access.log.*.gz | omnivery demo -
    """
)
@click.argument("file", required=False)
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Batches in flight.")
@rate_option
@input_options
def demo(*, file: str | None, concurrency: int, rate: float | None, reading: InputOptions) -> None:
    """Submit events to an emulator, receive its signed verdicts, and match each to its event.

    FILE is a web-server log, NDJSON, CSV or Parquet, plain or packed, or a folder of such files; `-` is standard input.
    Without it, 20,000 interactions with a sample newsletter are used. Emulator, receiver and submission run in this one
    process over real sockets on free ports; nothing leaves this machine. The verdicts are plausible, not the product's.

    Exit status 0: every event that could be read was accepted and has its verdict. 1: otherwise, and if nothing in FILE
    could be read.
    """
    run = Demo(Submission(concurrency=concurrency, reading=reading, rate=rate))
    if file is None:
        from omnivery.emulator.sample_events import newsletter_events

        run.submission.sources = {"a sample newsletter": [*newsletter_events(SAMPLE)]}
    interrupted = run_interruptibly(lambda: run.run(() if file is None else (file,)))
    if not run.submission.reports:
        raise click.Abort
    account = Account(totals=run.submission.totals(interrupted=bool(interrupted)), matcher=run.matcher)
    if wants_json():
        print_json(account.as_json())
    else:
        _print_summary(account, file or "a sample newsletter")
        _print_rest(account, run.submission)
    run.submission.tell()
    if interrupted:
        say("Interrupted: what was in flight is counted as undelivered.")
    sys.exit(interrupted or (0 if account.is_well else 1))


@define
class Demo:
    """One run of the demo. Its submission can be looked at at any time, also after Ctrl-C."""

    submission: Submission
    matcher: VerdictMatcher = field(init=False, factory=VerdictMatcher)

    async def run(self, files: tuple[str, ...]) -> None:
        """Start everything, submit the events, and wait for the verdicts."""
        from omnivery._server import serving
        from omnivery.emulator import Emulator
        from omnivery.webhooks import BotVerdicts, Receiver

        self.submission.on_outcome = self._enter
        async with (
            Emulator() as emulator,
            serving(Receiver(self._receive, emulator.signing_key, accepts=BotVerdicts)) as webhook_url,
        ):
            settings = {
                "base_url": emulator.automations_url,
                "domain": emulator.domain,
                "webhook_url": webhook_url,
            }
            await self.submission.run(files, emulator.token, settings)
            with anyio.move_on_after(VERDICT_TIMEOUT):
                await _all_delivered(emulator)

    async def _receive(self, verdicts: BotVerdicts) -> None:
        self.matcher.add_verdicts(verdicts)

    def _enter(self, outcome: BatchOutcome) -> None:
        self.matcher.add_accepted(outcome.accepted)


async def _all_delivered(emulator: Emulator) -> None:
    """Return when the emulator has delivered every verdict, or given up."""
    # Polled: a thread that blocks in wait_idle() could not be abandoned on Ctrl-C.
    while True:
        try:
            emulator.wait_idle(0)
        except TimeoutError:
            await anyio.sleep(0.02)
        else:
            return


@frozen(kw_only=True)
class Account:
    """What became of the events and their verdicts."""

    totals: Mapping[str, Any]
    """Of the submission."""
    matcher: VerdictMatcher

    @property
    def is_well(self) -> bool:
        """Whether every event that could be read was accepted and has its verdict."""
        totals = self.totals
        everything_accepted = totals["read"] == totals["accepted"] + totals["rejected"] and totals["stopped_by"] is None
        nothing_read = totals["read"] and not totals["accepted"]
        return everything_accepted and self.matcher.missing == 0 and not nothing_read

    @property
    def closing(self) -> str:
        """It in a sentence."""
        totals = self.totals
        if totals["read"] and totals["rejected"] == totals["read"]:
            return "Nothing in it could be read as an event: every line is accounted for as rejected."
        if self.is_well:
            return "Every event is accounted for." if totals["read"] else "There is no event in it."
        if totals["stopped_by"] is not None and not totals["undelivered"] and not self.matcher.missing:
            return "Every event that was read is accounted for, but not everything could be read."
        return "Some events have no verdict, or were not accepted."

    def as_json(self) -> dict[str, Any]:
        """It for programs."""
        matcher = self.matcher
        return {
            **self.totals,
            "verdicts": matcher.verdicts,
            "bots": matcher.bots,
            "humans": matcher.humans,
            "unknown": matcher.unknown,
            "missing": matcher.missing,
            "unmatched": matcher.unmatched,
            "agents": [{"uas": agent, "events": count} for agent, count in matcher.agents.most_common(BUSIEST)],
        }


def _print_summary(account: Account, source: str) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    out, totals, matcher = console(), account.totals, account.matcher
    out.print(f"\n[bold]{counted(totals['read'], 'event')}[/] from {escape(printable(source))}\n")
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    retries = counted(totals["retries"], "retry") if totals["retries"] else "no retries"
    table.add_row(
        f"{totals['accepted']:,}",
        f"accepted in {counted(totals['batches'], 'batch')}, {retries}, "
        f"{totals['events_per_second']:,.0f} events a second",
    )
    table.add_row(f"{matcher.verdicts:,}", "signed verdicts received, each matched to its event")
    shares = (
        (matcher.bots, "bots", "red"),
        (matcher.humans, "humans", "green"),
        (matcher.unknown, "unknown", "yellow"),
    )
    for count, kind, colour in shares:
        share = count / matcher.verdicts if matcher.verdicts else 0.0
        bar = Text("█" * round(40 * share), style=colour)
        table.add_row(f"{count:,}", Text.assemble(f"{kind:<8}{share:6.1%}  ", bar))
    out.print(table)
    if matcher.agents:
        out.print("\n[bold]Busiest bots[/], by their user agent")
        for agent, count in matcher.agents.most_common(BUSIEST):
            out.print(f"{count:>8,}  {_abridged(printable(agent), out.width - 12)}", markup=False, no_wrap=True)


def _abridged(agent: str, width: int) -> str:
    """Cut in the middle: a bot's name is often at the end."""
    if len(agent) <= width:
        return agent
    tail = width // 2
    return f"{agent[: width - tail - 1]}…{agent[-tail:]}"


def _print_rest(account: Account, submission: Submission) -> None:
    out, matcher, reports = console(), account.matcher, submission.reports
    rest = [
        line if len(reports) == 1 else f"{name}: {line}"
        for name, report in reports.items()
        for line in where_events_went(report, name)
    ]
    if matcher.missing:
        rest.append(f"no verdict for {counted(matcher.missing, 'accepted event')}")
    if matcher.unmatched:
        rest.append(f"{counted(matcher.unmatched, 'verdict')}: repeated, or for events that were not accepted")
    if rest:
        out.print("\n[bold]Where the rest went[/]")
    for line in rest:
        out.print(f"  {printable(line)}", markup=False)
    out.print(f"\n[{'green' if account.is_well else 'red'}]{account.closing}[/]\n")
