"""The command `omnivery`: its groups, and how errors end it."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import click

from omnivery._version import __version__
from omnivery.cli.command import HELP, RootGroup
from omnivery.cli.signals import terminable
from omnivery.cli.streams import adapt_streams, written

COMMANDS = {
    "addresses": ("omnivery.cli.addresses", "E-mail addresses: can they receive mail, can they be parsed."),
    "bots": ("omnivery.cli.bots", "Bot detection: submit events, look at verdicts."),
    "completion": ("omnivery.cli.completion", "Completion of commands and options in a shell."),
    "demo": ("omnivery.cli.demo", "The main job from end to end, on this machine alone."),
    "doctor": ("omnivery.cli.doctor", "What is wrong with keys, network, clock, domain and webhooks."),
    "domains": ("omnivery.cli.domains", "Sending domains: their DNS records and what is wrong with them."),
    "emulator": ("omnivery.cli.emulator", "Run both APIs on a port of this machine, for trying and testing."),
    "listen": ("omnivery.cli.listen", "Receive webhook calls here: verify, show and forward them."),
    "send": ("omnivery.cli.send", "Send a message."),
    "stats": ("omnivery.cli.stats", "How many messages were delivered, opened, bounced, by day or hour."),
    "suppressions": ("omnivery.cli.suppressions", "Addresses that get no more mail: bounces, complaints and others."),
    "trigger": ("omnivery.cli.trigger", "Send a made-up webhook call of any kind."),
    "verify": ("omnivery.cli.verify", "Whether a webhook call is signed with your key, and why not."),
    "webhooks": ("omnivery.cli.webhooks", "The URLs to which the service posts a domain's events."),
}
"""Name of each command to the module that defines it and its line in the help: a command loads its own module only."""


@click.command(cls=RootGroup, table=COMMANDS, context_settings=dict(HELP))
@click.version_option(__version__, prog_name="omnivery")
def omnivery() -> None:
    """Bot detection for e-mail clicks and opens, and a Mailgun-compatible e-mail API.

    Keys and settings come from the environment: OMNIVERY_TOKEN for the Automations API, OMNIVERY_API_KEY or
    OMNIVERY_SENDING_KEY for the Mailgun-compatible API, and OMNIVERY_DOMAIN. A secret is never an argument. Without an
    account, the emulator brings all of them: eval "$(omnivery emulator --export)".

    Output is for people on a terminal and JSON elsewhere, or with --json; so are errors, on standard error:
    {"error": {"type": "…", "message": "…", "hint": "…"}}.

    Exit status: 0 all well, 1 something did not get through, 2 wrong usage or settings, 130 Ctrl-C.
    """


def run() -> NoReturn:
    """Run the command, and turn what goes wrong into a report and an exit status."""
    # Every failure is in the report or in the error; the log would say it a second time.
    logging.getLogger("omnivery").setLevel(logging.CRITICAL)
    adapt_streams()
    try:
        with terminable():
            status = _status()
            with written():
                pass  # the rest: at its end, Python could not tell an error of that
    except BrokenPipeError:
        # The reader of the output has closed it, as `| head` does. Python would report that once more when it flushes.
        sys.stdout = None
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:
        from omnivery.cli.failure import failure_of

        if (failure := failure_of(error)) is None:
            raise
        failure.report()
    sys.exit(status if isinstance(status, int) else 0)


def _status() -> object:
    try:
        return omnivery.main(standalone_mode=False, prog_name="omnivery")
    except SystemExit as end:
        return end.code
