"""Lines about what an emulator does: aligned for people on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import os
import select
import shutil
import sys
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from omnivery.cli.output import print_json, printable, say, wants_json

if TYPE_CHECKING:
    from omnivery.emulator import Activity

CAPACITY = 10_000
"""Lines that wait for a terminal that is held up, as by Ctrl-S. Beyond that they are counted, and not shown."""
WAKE = 0.5 if os.name == "nt" else None
"""Seconds after which to wait anew: on Windows, Ctrl-C has no effect while a thread waits."""
NARROW = 60
"""Columns of a terminal below which lines have no time."""
COLOURS = {2: "green", 3: "cyan", 4: "yellow", 5: "red"}
"""Colour of each class of statuses."""
NAMES = {"request": ("method", "path"), "webhook": ("event", "url"), "smtp": ("outcome", "server")}
"""Names of an activity's `name` and `target` in JSON."""


class ActivityLines:
    """Prints activities in the thread that calls `print_until_end`: a slow terminal must not hold up the server."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Activity | BrokenPipeError | None] = SimpleQueue()
        self._left_out = 0

    def add(self, activity: Activity) -> None:
        """Print an activity soon. For any thread."""
        if self._queue.qsize() >= CAPACITY:
            self._left_out += 1
        else:
            self._queue.put(activity)

    def end(self) -> None:
        """Let `print_until_end` return. For signal handlers, too."""
        self._queue.put(None)

    def end_without_reader(self, descriptor: int) -> None:
        """Let `print_until_end` fail once nobody reads a pipe any more, and not only at the next line.

        Args:
            descriptor: the pipe, or any other file; only pipes and sockets lose their readers.
        """
        if os.name == "posix":
            Thread(target=self._await_end_of_reader, args=(descriptor,), daemon=True).start()

    def print_until_end(self) -> None:
        """Print what is added, until `end` is called.

        Raises:
            BrokenPipeError: nobody reads it any more.
        """
        show = _print_json if wants_json() else _print_line
        while (activity := self._next()) is not None:
            if isinstance(activity, BrokenPipeError):
                raise activity
            show(activity)
            if (left_out := self._left_out) and self._queue.empty():
                self._left_out = 0
                say(f"{left_out:,} further lines were left out: the output was held up")

    def _await_end_of_reader(self, descriptor: int) -> None:
        poll = select.poll()
        poll.register(descriptor, 0)  # POLLERR, which says that the reader is gone, is always reported
        if any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll()):
            self._queue.put(BrokenPipeError("nobody reads the output any more"))

    def _next(self) -> Activity | BrokenPipeError | None:
        while True:
            with suppress(Empty):
                return self._queue.get(timeout=WAKE)


def _print_json(activity: Activity) -> None:
    name, target = NAMES[activity.kind]
    fields: dict[str, Any] = {
        "activity": activity.kind,
        "at": activity.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        name: activity.name,
        target: activity.target,
        "status": activity.status,
        "milliseconds": round(activity.seconds * 1000, 1),
    }
    print_json(fields | ({"note": activity.note} if activity.note else {}))


def _print_line(activity: Activity) -> None:
    click.echo(line(activity, columns=shutil.get_terminal_size().columns), color=wants_colour())


def line(activity: Activity, *, columns: int) -> str:
    """Return the line for an activity, with colours.

    The part whose length varies comes last, and is never cut off: a URL is there to be copied.
    """
    is_request = activity.kind == "request"
    clock = f"{activity.at.astimezone():%H:%M:%S}  " if columns >= NARROW else ""
    parts = ["" if is_request else activity.name, activity.target, f"({activity.note})" if activity.note else ""]
    return (
        click.style(clock, dim=True)
        + f"{activity.name if is_request else activity.kind:<7}  "
        + click.style(f"{activity.status or '---'}", fg=_colour(activity.status))
        + f"  {_milliseconds(activity.seconds):>6} ms  "
        + printable(" ".join(filter(None, parts)))
    )


def wants_colour() -> bool:
    """Whether standard output is a terminal that shows colours, and nobody has switched them off."""
    # https://no-color.org
    is_switched_off = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout is not None and sys.stdout.isatty() and not is_switched_off


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}" if seconds >= 0.001 else "<1"  # noqa: PLR2004  # a millisecond


def _colour(status: int | None) -> str:
    return COLOURS.get((status or 500) // 100, "red")
