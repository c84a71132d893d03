"""`omnivery bots submit`: files of events out in concurrent batches."""

from __future__ import annotations

from pathlib import Path

import click

from omnivery.cli.arguments import connection, connection_options
from omnivery.cli.command import command
from omnivery.cli.input import InputOptions, complete_option, input_options, rate_option
from omnivery.cli.output import say
from omnivery.cli.signals import run_interruptibly
from omnivery.cli.submission import Submission, token
from omnivery.cli.submission_report import end_with


@command(
    examples="""
    omnivery bots submit access.log
    omnivery bots submit 'logs/*.gz' --journal run.journal
    omnivery bots submit events.csv --columns client_ip=ip,agent=uas
    tail -F access.log | omnivery bots submit - --format combined
    """
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--domain", envvar="OMNIVERY_DOMAIN", help="Sending domain; OMNIVERY_DOMAIN if left out.")
@click.option(
    "--webhook-url", envvar="OMNIVERY_WEBHOOK_URL", help="Where verdicts go; OMNIVERY_WEBHOOK_URL if left out."
)
@click.option("--base-url", envvar="OMNIVERY_AUTOMATIONS_URL", help="Another server, such as the emulator.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Batches in flight.")
@click.option("--journal", metavar="PATH", help="Keep the run in a file: after a crash the same command goes on.")
@click.option("-v", "--verbose", is_flag=True, help="Say which HTTP library the requests run on.")
@complete_option
@rate_option
@input_options
@connection_options
def submit(
    *,
    files: tuple[str, ...],
    domain: str | None,
    webhook_url: str | None,
    base_url: str | None,
    concurrency: int,
    verbose: bool,
    journal: str | None,
    complete: bool,
    rate: float | None,
    reading: InputOptions,
    proxy: str | None,
    ca: Path | None,
) -> None:
    """Submit the events of each FILE, one file after the other.

    A FILE is a web-server log, NDJSON, CSV or Parquet, plain or packed; a folder of such files; or a pattern in quotes.
    `-` is standard input. The format is recognized by the content. The token comes from OMNIVERY_TOKEN, or is prompted
    for on a terminal. Verdicts go to the webhook URL.

    With a journal, the same command sends the lines that were added to a FILE since, also when it was rotated
    meanwhile, and no line twice. A last line without an ending is left for the next run. The totals are those of all
    runs with the journal; beside them stands what this run did.

    Exit status 0: every event was accepted. 1: some were rejected or not delivered, or a FILE could not be opened or
    read to its end, which keeps no other from being submitted; the output says which and why.
    """
    run = Submission(
        concurrency=concurrency,
        journal=journal,
        connection=connection(proxy, ca),
        reading=reading,
        complete=complete,
        rate=rate,
    )
    settings = {"domain": domain, "webhook_url": webhook_url, "base_url": base_url}
    if verbose:
        hint = "" if run.adapter == "aiohttp" else "; pip install 'omnivery[fast]' has a faster one"
        say(f"Requests run on {run.adapter}{hint}.")
    known_token = token()  # on an event loop, the prompt would not see Ctrl-C
    end_with(run, run_interruptibly(lambda: run.run(files, known_token, settings)))
