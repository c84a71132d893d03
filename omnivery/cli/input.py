"""Events from a source that may keep us waiting: a pipe, a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from omnivery import readers

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from omnivery.events.event import EventLike

AT_ONCE = 500


def events_of(file: str) -> Iterable[EventLike] | AsyncIterable[EventLike]:
    """The events of a file, or of standard input for `-`.

    Raises:
        OSError: the file cannot be opened.
    """
    if file != "-" or sys.stdin is None:
        events = readers.read(file)
        return events if Path(file).is_file() else _aside(events)
    # Unbuffered, and not sys.stdin: the interpreter could not end while a thread waits inside that one's buffer.
    return _aside(readers.read(open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)))


async def _aside(events: Iterator[EventLike]) -> AsyncIterator[EventLike]:
    """Read in a thread, so that Ctrl-C need not wait for input. It is a daemon, so that the process need not either."""
    loop = asyncio.get_running_loop()
    wishes: SimpleQueue[asyncio.Future[tuple[list[EventLike], Exception | None]]] = SimpleQueue()

    def read() -> None:
        while True:
            wish = wishes.get()
            taken: list[EventLike] = []
            error = None
            try:
                taken.extend(islice(events, AT_ONCE))
            except Exception as raised:  # noqa: BLE001  # it comes out of the generator below, in its own time
                error = raised
            # Nobody waits any more where the command has ended meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_fulfil, wish, taken, error)

    Thread(target=read, name="omnivery-source", daemon=True).start()
    while True:
        wish: asyncio.Future[tuple[list[EventLike], Exception | None]] = loop.create_future()
        wishes.put(wish)
        taken, error = await wish
        for event in taken:
            yield event
        if error is not None:
            raise error
        if len(taken) < AT_ONCE:
            return


def _fulfil(
    wish: asyncio.Future[tuple[list[EventLike], Exception | None]], taken: list[EventLike], error: Exception | None
) -> None:
    if not wish.done():
        wish.set_result((taken, error))
