"""What the tests of commands share: a terminal to run them on, a port to have them listen on, events to submit."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import IO, Any
from unittest import mock

from omnivery.cli.app import run
from omnivery.emulator import Emulator
from tests.support.waiting import killed_in_the_end


def on_terminal(
    *arguments: str, environment: Mapping[str, str] | None = None, interrupt: str | None = None
) -> tuple[int, str]:
    """Run the command on a terminal; give its exit status and what one would see.

    Ctrl-C is pressed once the text `interrupt` is shown.
    """
    import pty  # POSIX alone has it

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "omnivery", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb", **(environment or {})},
        start_new_session=True,  # a prompt for a secret must not find the terminal that the tests run on
    )
    os.close(slave)
    shown = bytearray()
    with killed_in_the_end(process):
        with suppress(OSError):  # how Linux says that the other side is closed
            while piece := os.read(master, 4096):
                shown += piece
                if interrupt is not None and interrupt.encode() in shown:
                    process.send_signal(signal.SIGINT)
                    interrupt = None
        os.close(master)
        return process.wait(timeout=60), shown.decode()


def in_process(
    *arguments: str, stdin: bytes | None = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command without a terminal, and without a process of its own: most of the time of one is its start.

    Without `stdin`, standard input is closed.
    """
    source, *outputs = [io.TextIOWrapper(io.BytesIO(content), encoding="utf-8") for content in (stdin or b"", b"", b"")]
    status = _run(arguments, None if stdin is None else source, outputs, environment or {})
    output, complaints = map(_written, outputs)
    return subprocess.CompletedProcess(arguments, status, output, complaints)


def on_full_disk(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command in this process, with a standard output to which nothing can be written."""
    complaints = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with _full_disk() as output:
        status = _run(arguments, None, [output, complaints], environment or {})
    return subprocess.CompletedProcess(arguments, status, b"", _written(complaints))


def with_full_log(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command in this process, with a standard error to which nothing can be written."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with _full_disk() as complaints:
        status = _run(arguments, None, [output, complaints], environment or {})
    return subprocess.CompletedProcess(arguments, status, _written(output), b"")


@contextmanager
def _full_disk() -> Iterator[io.TextIOWrapper]:
    stream = io.TextIOWrapper(io.BufferedWriter(_FullDisk()), encoding="utf-8")
    try:
        yield stream
    finally:
        with suppress(OSError):
            stream.close()


class _FullDisk(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def seen_in_process(
    *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, encoding: str = "utf-8"
) -> tuple[int, str]:
    """Run the command in this process as on a plain terminal; give its exit status and what one would see."""
    screen = _Screen(io.BytesIO(), encoding=encoding)
    source = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    # Without LINES, rich takes no COLUMNS from a dumb terminal either.
    terminal = {"COLUMNS": "100", "LINES": "50", "TERM": "dumb"}
    status = _run(arguments, source, [screen, screen], {**terminal, **(environment or {})})
    return status, _written(screen).decode(encoding)


class _Screen(io.TextIOWrapper):
    """Text that a program takes for a terminal."""

    def isatty(self) -> bool:
        return True


def _written(text: io.TextIOWrapper) -> bytes:
    text.flush()
    assert isinstance(text.buffer, io.BytesIO)
    return text.buffer.getvalue()


def _run(
    arguments: Sequence[str],
    source: io.TextIOWrapper | None,
    outputs: Sequence[io.TextIOWrapper],
    environment: Mapping[str, str],
) -> int:
    logger = logging.getLogger("omnivery")
    level, status, (output, complaints) = logger.level, None, outputs
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.multiple(sys, argv=["omnivery", *arguments], stdin=source, stdout=output, stderr=complaints),
    ):
        try:
            run()
        except SystemExit as leaving:
            status = leaving.code
        finally:
            logger.setLevel(level)
    assert isinstance(status, int)
    return status


def process(
    *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command without a terminal, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "omnivery", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **(environment or {})},
    )


def settings_of(emulator: Emulator) -> dict[str, str]:
    """Return the environment that leads commands to an emulator, with all of its keys."""
    return {
        "OMNIVERY_TOKEN": emulator.token,
        "OMNIVERY_API_KEY": emulator.api_key,
        "OMNIVERY_SENDING_KEY": emulator.sending_key,
        "OMNIVERY_AUTOMATIONS_URL": emulator.automations_url,
        "OMNIVERY_MAILGUN_URL": emulator.mailgun_url,
        "OMNIVERY_DOMAIN": emulator.domain,
    }


def output_of(result: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """Return the JSON object that a command printed."""
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    return value


def error_of(result: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """Return the error that a command without a terminal ended with: the last line of standard error."""
    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert set(error) == {"type", "message", "hint"}
    return dict(error)


def unread(pipe: IO[bytes]) -> int:
    """Return the number of bytes in a pipe that its reader has not taken yet."""
    import array
    import fcntl  # POSIX alone has it
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def free_port() -> int:
    """A port that nobody listens on, below those that systems give out: no other test gets it meanwhile."""
    while True:
        port = SystemRandom().randrange(20_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def event(name: str, ip: str = "198.51.100.7", **fields: Any) -> dict[str, Any]:
    """A sound event: of a human, unless another test network says otherwise."""
    return {"ip": ip, "uas": "Mozilla/5.0", "event_id": name, **fields}


def ndjson(path: Path, events: Iterable[Mapping[str, Any]]) -> Path:
    """Write events to a file."""
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    return path
