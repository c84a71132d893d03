"""`omnivery emulator --export` and `--stop`: the emulator in the background of a shell, as `ssh-agent` runs."""

from __future__ import annotations

import os
import re
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
from omnivery.cli.failure import SettingError
from omnivery.cli.streams import written
from omnivery.errors import ConfigError

PID = "OMNIVERY_EMULATOR_PID"
"""Environment variable with the process id of the emulator in the background."""
SET = "OMNIVERY_EMULATOR_VARIABLES"
"""Environment variable with the names of those that `export` set, for `stop` to unset no other."""


def export(options: list[str], keys: dict[str, str], *, unknown: set[str]) -> None:
    """Start an emulator that outlives this command, and print what a shell is to evaluate.

    Args:
        options: command-line options of the emulator.
        keys: environment variables with keys for it. They are no options, because others can read a command line.
        unknown: those that the shell has not set.

    Raises:
        ConfigError: it did not start.
        OSError: the output cannot be written.
    """
    try:
        process_id, settings = _start(options, keys)
    except ConfigError:
        # A failure inside $(…) has no effect on the shell; a command that fails has one.
        click.echo("false")
        raise
    page = quote(settings.pop("page_url"))
    settings |= {name: value for name, value in keys.items() if name in unknown}
    names = dict.fromkeys([*_names(), *settings])
    variables = {**settings, PID: str(process_id), SET: " ".join(names)}
    lines = [f"export {name}={quote(value)}" for name, value in variables.items()]
    told = f"The emulator runs in the background: {page} shows it, and '`omnivery emulator --stop`' ends it."
    try:
        with written():
            click.echo("\n".join([*lines, f"echo {told}"]))
    except OSError:
        os.kill(process_id, signal.SIGTERM)  # nobody knows its number
        raise


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
    click.echo(f"unset {' '.join((*_names(), PID, SET))}")


def _names() -> list[str]:
    """The variables that `export` set in this shell."""
    return re.findall(r"OMNIVERY_\w+", os.environ.get(SET, ""), re.ASCII)


def _start(options: list[str], keys: dict[str, str]) -> tuple[int, dict[str, Any]]:
    if os.name != "posix":
        raise ConfigError("--export needs a POSIX shell: run `omnivery emulator` in another window")
    with TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "omnivery", "emulator", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **keys},
            start_new_session=True,  # Ctrl-C and the end of the terminal are not for it
        )
        assert process.stdout is not None  # noqa: S101  # a pipe, as asked for
        with process.stdout:
            line = process.stdout.readline()
        if not line:
            process.wait()
            complaints.seek(0)
            raise _error_in(complaints.read())
    return process.pid, codec.loads(line)


def _error_in(complaints: bytes) -> ConfigError:
    """Return the error that the emulator reported in JSON, or else its complaints."""
    try:
        error = codec.loads(complaints)["error"]
        return SettingError(str(error["message"]), hint=error["hint"])
    except (ValueError, LookupError, TypeError):
        return ConfigError(complaints.decode(errors="replace").strip() or "the emulator did not start")


def _is_emulator(process_id: int) -> bool:
    """Whether the process is there and, where that can be found out, is an emulator: ids are used again."""
    try:
        os.kill(process_id, 0)
    except OSError:
        return False
    with suppress(OSError):  # Linux alone has it
        return b"omnivery\0emulator" in Path(f"/proc/{process_id}/cmdline").read_bytes()
    return True
