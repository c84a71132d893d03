"""`omnivery emulator --export` and `--stop`: the emulator in the background of a shell, as `ssh-agent` runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from shlex import quote
from tempfile import TemporaryFile
from typing import Any

import click

from omnivery import codec
from omnivery.errors import ConfigError

PID = "OMNIVERY_EMULATOR_PID"
"""Environment variable with the process id of the emulator in the background."""
SETTINGS: tuple[str, ...] = (
    "OMNIVERY_AUTOMATIONS_URL",
    "OMNIVERY_MAILGUN_URL",
    "OMNIVERY_TOKEN",
    "OMNIVERY_API_KEY",
    "OMNIVERY_SENDING_KEY",
    "OMNIVERY_DOMAIN",
    "OMNIVERY_SIGNING_KEY",
    "OMNIVERY_WEBHOOK_URL",
)
"""Environment variables that an emulator is reached by."""


def export(options: dict[str, str], secrets: dict[str, str | None]) -> None:
    """Start an emulator that outlives this command, and print what a shell is to evaluate.

    Args:
        options: command-line options of the emulator.
        secrets: environment variables for it: other users can read a command line.

    Raises:
        ConfigError: it did not start.
    """
    try:
        process_id, settings = _start(options, {name: value for name, value in secrets.items() if value})
    except ConfigError:
        # A failure inside $(…) has no effect on the shell; a command that fails has one.
        click.echo("false")
        raise
    for name, value in {**settings, PID: str(process_id)}.items():
        click.echo(f"export {name}={quote(value)}")
    page = quote(f"{settings['OMNIVERY_AUTOMATIONS_URL']}/")
    click.echo(f"echo The emulator runs in the background: {page} shows it, and '`omnivery emulator --stop`' ends it.")


def stop() -> None:
    """End the emulator that `export` started in this shell, and print what unsets its variables.

    Raises:
        ConfigError: there is none.
    """
    text = os.environ.get(PID, "")
    if not text.isdecimal() or not _is_emulator(int(text)):
        click.echo("false")
        raise ConfigError(f"no emulator runs in the background of this shell: {PID} names none")
    os.kill(int(text), signal.SIGTERM)
    click.echo(f"unset {' '.join((*SETTINGS, PID))}")


def _start(options: dict[str, str], secrets: dict[str, str]) -> tuple[int, dict[str, Any]]:
    if os.name != "posix":
        raise ConfigError("--export needs a POSIX shell: run `omnivery emulator` in another window")
    arguments = [part for name, value in options.items() for part in (name, value)]
    with TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "omnivery", "emulator", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **secrets},
            start_new_session=True,  # Ctrl-C and the end of the terminal are not for it
        )
        assert process.stdout is not None  # noqa: S101  # a pipe, as asked for
        with process.stdout:
            line = process.stdout.readline()
        if not line:
            process.wait()
            complaints.seek(0)
            raise ConfigError(_message_in(complaints.read()) or "the emulator did not start")
    return process.pid, codec.loads(line)


def _message_in(complaints: bytes) -> str:
    """Return the message of an error that a command reported in JSON, or else its complaints."""
    try:
        return str(codec.loads(complaints)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return complaints.decode(errors="replace").strip()


def _is_emulator(process_id: int) -> bool:
    """Whether the process is there and, where that can be found out, is an emulator: ids are used again."""
    try:
        os.kill(process_id, 0)
    except OSError:
        return False
    with suppress(OSError):  # Linux alone has it
        return b"omnivery\0emulator" in Path(f"/proc/{process_id}/cmdline").read_bytes()
    return True
