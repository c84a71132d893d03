"""`omnivery demo`: events out in concurrent batches, signed verdicts back, each matched to its event."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import anyio
import click
from attrs import define, field

from omnivery.cli.command import command
from omnivery.cli.input import InputOptions, follow_file, input_options, rate_option
from omnivery.cli.matching import VerdictMatcher
from omnivery.cli.output import console, print_json, printable, report_json, wants_json, where_events_went
from omnivery.cli.signals import run_interruptibly
from omnivery.display.counts import counted
from omnivery.display.progress import watching

if TYPE_CHECKING:
    from omnivery.automations.report import BatchOutcome, SubmitReport
    from omnivery.automations.run import AsyncBulkRun
    from omnivery.emulator import Emulator
    from omnivery.events.event import EventLike
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
    run = Demo(concurrency=concurrency, rate=rate)
    events = _events(file, reading)
    interrupted = run_interruptibly(lambda: run.run(events))
    report = run.report
    if report is None:
        raise click.Abort
    if wants_json():
        print_json(_as_json(report, run.matcher, interrupted=bool(interrupted)))
    else:
        _print_summary(report, run.matcher, file)
    if interrupted:
        click.echo("Interrupted: what was in flight is counted as undelivered.", err=True)
    sys.exit(interrupted or (0 if _all_well(report, run.matcher) else 1))


@define(kw_only=True)
class Demo:
    """One run of the demo. Its report can be read at any time, also after Ctrl-C."""

    concurrency: int
    rate: float | None = None
    """The most events a second."""
    matcher: VerdictMatcher = field(factory=VerdictMatcher)
    _bulk: AsyncBulkRun | None = field(init=False, default=None)

    @property
    def report(self) -> SubmitReport | None:
        """The report of the submission, once it has begun."""
        return self._bulk.report if self._bulk else None

    async def run(self, events: Iterable[EventLike]) -> None:
        """Start everything, submit the events, and wait for the verdicts."""
        from omnivery._server import serving
        from omnivery.emulator import Emulator
        from omnivery.webhooks import BotVerdicts, Receiver

        async with (
            Emulator() as emulator,
            serving(Receiver(self._receive, emulator.signing_key, accepts=BotVerdicts)) as webhook_url,
        ):
            await self._submit(emulator, webhook_url, events)
            with anyio.move_on_after(VERDICT_TIMEOUT):
                await _all_delivered(emulator)

    async def _receive(self, verdicts: BotVerdicts) -> None:
        self.matcher.add_verdicts(verdicts)

    async def _submit(self, emulator: Emulator, webhook_url: str, events: Iterable[EventLike]) -> None:
        from omnivery.automations import AsyncAutomations

        client = AsyncAutomations(
            emulator.token, base_url=emulator.automations_url, domain=emulator.domain, webhook_url=webhook_url
        )
        async with client:
            run = self._bulk = client.bots.stream(events, concurrency=self.concurrency, events_per_second=self.rate)
            with watching("Submitting", events, progress=True) as advance:

                def enter(outcome: BatchOutcome) -> None:
                    self.matcher.add_accepted(outcome.accepted)
                    advance(run.report.read)

                # What the file's error is, the report says.
                await follow_file(run, enter)


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


def _events(file: str | None, reading: InputOptions) -> Iterable[EventLike]:
    if file is None:
        from omnivery.emulator.sample_events import newsletter_events

        return [*newsletter_events(SAMPLE)]
    return reading.open_as_one(file)


def _all_well(report: SubmitReport, matcher: VerdictMatcher) -> bool:
    everything_accepted = report.read == report.accepted + report.rejected and report.stopped_by is None
    nothing_read = bool(report.read) and not report.accepted
    return everything_accepted and matcher.missing == 0 and not nothing_read


def _as_json(report: SubmitReport, matcher: VerdictMatcher, *, interrupted: bool) -> dict[str, Any]:
    return {
        **report_json(report, interrupted=interrupted),
        "verdicts": matcher.verdicts,
        "bots": matcher.bots,
        "humans": matcher.humans,
        "unknown": matcher.unknown,
        "missing": matcher.missing,
        "unmatched": matcher.unmatched,
        "agents": [{"uas": agent, "events": count} for agent, count in matcher.agents.most_common(BUSIEST)],
    }


def _print_summary(report: SubmitReport, matcher: VerdictMatcher, file: str | None) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    out = console()
    rate = report.accepted / report.elapsed if report.elapsed else 0.0
    source = escape(printable(file)) if file else "a sample newsletter"
    out.print(f"\n[bold]{counted(report.read, 'event')}[/] from {source}\n")
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    retries = counted(report.retries, "retry") if report.retries else "no retries"
    table.add_row(
        f"{report.accepted:,}",
        f"accepted in {counted(report.batches, 'batch')}, {retries}, {rate:,.0f} events a second",
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
    _print_rest(report, matcher)


def _abridged(agent: str, width: int) -> str:
    """Cut in the middle: a bot's name is often at the end."""
    if len(agent) <= width:
        return agent
    tail = width // 2
    return f"{agent[: width - tail - 1]}…{agent[-tail:]}"


def _print_rest(report: SubmitReport, matcher: VerdictMatcher) -> None:
    out = console()
    rest = list(where_events_went(report))
    if matcher.missing:
        rest.append(f"no verdict for {counted(matcher.missing, 'accepted event')}")
    if matcher.unmatched:
        rest.append(f"{counted(matcher.unmatched, 'verdict')}: repeated, or for events that were not accepted")
    if rest:
        out.print("\n[bold]Where the rest went[/]")
    for line in rest:
        out.print(f"  {printable(line)}", markup=False)
    well = _all_well(report, matcher)
    out.print(f"\n[{'green' if well else 'red'}]{_closing(report, matcher)}[/]\n")


def _closing(report: SubmitReport, matcher: VerdictMatcher) -> str:
    if report.read and report.rejected == report.read:
        return "Nothing in it could be read as an event: every line is accounted for as rejected."
    if _all_well(report, matcher):
        return "Every event is accounted for." if report.read else "There is no event in it."
    if report.stopped_by is not None and not report.undelivered and not matcher.missing:
        return "Every event that was read is accounted for, but not everything could be read."
    return "Some events have no verdict, or were not accepted."
