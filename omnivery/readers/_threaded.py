"""Files that keep one waiting, read in a thread for a bulk run: pipes, files that are followed, object stores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from threading import Condition, Thread
from time import monotonic
from typing import Any, TypeVar

import anyio
from attrs import define, field

from omnivery.bulk.source import BatchSource
from omnivery.readers._stop import Stop, Stopped
from omnivery.transport.runtime import call_soon_from_thread

T = TypeVar("T")

LINGER = 1.0
"""Seconds that items wait for others to fill a batch with, before they are handed over alone."""
_PATIENCE = 2.0
"""Seconds to wait for the thread when nothing more is wanted of it. A network may not let it go sooner."""


@define(eq=False, kw_only=True)
class Threaded(BatchSource[T]):
    """Hands over what a thread has read, when a batch is full or its first item has waited long enough.

    The thread reads when somebody waits for items, and no further ahead than the piece that it has in hand. It is a
    daemon, so that the process can end though a read waits.
    """

    portions: Iterator[Any]
    """What is read in the thread: each portion is then turned into items by `items_of`."""
    items_of: Callable[[Any], Iterator[T]]
    """Called where items are handed over."""
    note_file: Callable[[int], None]
    """Notes that items of the portion in hand follow, at a place among those that are taken together."""
    stop: Stop
    linger: float = field(factory=lambda: LINGER)
    _ready: deque[Any] = field(init=False, factory=deque[Any])
    _in_hand: Iterator[T] = field(init=False, factory=lambda: iter(()))
    _wanted: bool = field(init=False, default=False)
    _over: bool = field(init=False, default=False)
    _error: Exception | None = field(init=False, default=None)
    _turn: Condition = field(init=False, factory=Condition)
    _thread: Thread | None = field(init=False, default=None)
    _arrived: anyio.Event = field(init=False)
    _call_soon: Callable[[Callable[[], object]], object] = field(init=False)

    async def read_into(self, items: list[T], count: int) -> None:
        """Wait until items are due, and append them.

        Raises:
            Exception: what reading raised. What came before it is in the list.
        """
        if self._thread is None:
            self._begin()
        due = monotonic() + self.linger if items else None
        try:
            while self._take(items, count) < count and not self._over:
                due = due or (monotonic() + self.linger if items else None)
                if not await self._more(due):
                    break
        except BaseException:
            # Cancelled: what the thread has taken out of a pipe must not be forgotten.
            self._end()
            self._take(items, count)
            raise
        if self._error is not None and len(items) < count:
            raise self._error

    def leftover(self, count: int) -> list[T]:
        """Stop the thread, and return what it has read and nobody has taken."""
        self._end()
        left: list[T] = []
        self._take(left, count)
        return left

    async def close(self) -> None:
        """Stop the thread."""
        self._end()

    def _begin(self) -> None:
        self._call_soon = call_soon_from_thread()
        self._arrived = anyio.Event()
        self._thread = Thread(target=self._read, name="omnivery-source", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self.stop.set()
        with self._turn:
            self._turn.notify()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            if not self._thread.is_alive():
                self.stop.close()

    def _take(self, items: list[T], count: int) -> int:
        """Append what is at hand, and return how many items there are."""
        while True:
            self.note_file(len(items))
            items.extend(islice(self._in_hand, count - len(items)))
            if len(items) == count or not self._ready:
                return len(items)
            self._in_hand = self.items_of(self._ready.popleft())

    async def _more(self, due: float | None) -> bool:
        """Wait for another portion, or the end; False if nothing came in time."""
        self._arrived = anyio.Event()
        with self._turn:
            if self._ready or self._over:
                return True
            self._wanted = True
            self._turn.notify()
        with anyio.move_on_after(None if due is None else max(0.0, due - monotonic())):
            await self._arrived.wait()
            return True
        return False

    def _read(self) -> None:
        try:
            while self._is_wanted():
                portion = next(self.portions, None)
                if portion is None:
                    break
                self._arrive(portion)
            # A pipe that is stopped seems to end: what was taken out of it comes out, the line that was cut among it.
            while self.stop.is_set() and (portion := next(self.portions, None)) is not None:
                self._arrive(portion)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001  # it comes out where items are taken
            if not self.stop.is_set():
                self._error = error
        self._over = True
        self._tell()

    def _is_wanted(self) -> bool:
        with self._turn:
            self._turn.wait_for(lambda: self._wanted or self.stop.is_set())
            self._wanted = False
        return not self.stop.is_set()

    def _arrive(self, portion: Any) -> None:
        with self._turn:
            self._ready.append(portion)
        self._tell()

    def _tell(self) -> None:
        # An event loop that has ended has nobody who waits.
        with suppress(RuntimeError):
            self._call_soon(lambda: self._arrived.set())  # noqa: PLW0108  # the event of that moment
