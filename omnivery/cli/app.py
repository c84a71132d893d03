"""The command `omnivery`: its groups, and how errors end it."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from typing import NoReturn

import click

from omnivery._version import __version__
from omnivery.cli.extras import explain_missing
from omnivery.cli.signals import SIGNAL_STATUS
from omnivery.errors import ConfigError, OmniveryError

COMMANDS = {
    "bots": ("omnivery.cli.bots", "Bot detection: submit events, look at verdicts."),
    "demo": ("omnivery.cli.demo", "The main job from end to end, on this machine alone."),
    "emulator": ("omnivery.cli.emulator", "Run both APIs on a port of this machine, for trying and testing."),
}
"""Name of each command to the module that defines it and its line in the help: a command loads its own module only."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """One command, loaded."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101  # the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, without importing a thing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="omnivery")
def omnivery() -> None:
    """Bot detection for e-mail clicks and opens, and a Mailgun-compatible e-mail API.

    Output is for people on a terminal and JSON elsewhere. Secrets come from the environment: OMNIVERY_TOKEN.
    Exit status: 0 all well, 1 something did not get through, 2 wrong usage or settings.
    """


def run() -> NoReturn:
    """Run the command, and turn what goes wrong into one line and an exit status."""
    # Every failure is in the report or in the error; the log would say it a second time.
    logging.getLogger("omnivery").setLevel(logging.CRITICAL)
    try:
        omnivery.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(SIGNAL_STATUS + signal.SIGINT)
    except OmniveryError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except ModuleNotFoundError as error:
        if (words := explain_missing(error)) is None:
            raise
        click.echo(f"Error: {words}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of the output has closed it, as `| head` does. Python would report that once more when it flushes.
        sys.stdout = None
        sys.exit(1)
    except OSError as error:
        click.echo(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        sys.exit(1)
    sys.exit(0)
