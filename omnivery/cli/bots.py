"""`omnivery bots`: bot detection from the command line."""

from __future__ import annotations

import click

from omnivery.cli.command import HELP, LazyGroup

COMMANDS = {
    "check": ("omnivery.cli.check", "Check one interaction: a bot's, a human's, or not known."),
    "export": ("omnivery.cli.journal", "Print what a journal has not delivered, or what was rejected."),
    "prune": ("omnivery.cli.journal", "Delete old ids and verdicts from journals and stores."),
    "results": ("omnivery.cli.results", "Export verdicts with their events: NDJSON, CSV or Parquet."),
    "retry": ("omnivery.cli.journal", "Send again what a journal holds and is not delivered."),
    "run": ("omnivery.cli.run", "Submit files, receive the verdicts, and end when all are there."),
    "status": ("omnivery.cli.journal", "Show what a journal holds, also while a submission is under way."),
    "submit": ("omnivery.cli.submit", "Submit the events of files, in concurrent batches."),
}
"""Name of each command to the module that defines it and its line in the help."""


@click.group(cls=LazyGroup, table=COMMANDS, context_settings=dict(HELP))
def bots() -> None:
    """Bot detection."""
