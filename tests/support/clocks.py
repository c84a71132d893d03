"""Clocks that obey a test: a timeout ends when the test says so, and no stall of the machine ends one before."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import anyio
import httpcore
import pytest

from omnivery.transport.runtime import AsyncRuntime


def pass_time(seconds: float) -> None:
    """Move the clock of the running event loop on: what waits for that long has waited."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        clock: Any = trio.lowlevel.current_clock()
        object.__setattr__(clock, "offset", clock.offset + seconds)  # which is frozen
    else:
        now = loop.time
        loop.time = lambda: now() + seconds  # type: ignore[method-assign]


def let_time_fly(monkeypatch: pytest.MonkeyPatch, *, times: float = 20) -> None:
    """Have time pass so much faster for the asynchronous clients: retries, probes and limits keep their proportions.

    Connections keep the timeouts of their library, so no timeout races the machine.
    """
    sleep = AsyncRuntime().sleep
    monkeypatch.setattr(AsyncRuntime, "now", lambda _: time.monotonic() * times)
    monkeypatch.setattr(AsyncRuntime, "sleep", lambda _, seconds: sleep(seconds / times))
    monkeypatch.setattr(
        AsyncRuntime, "move_on_at", lambda self, moment: anyio.move_on_after((moment - self.now()) / times)
    )


class WaitingStream(httpcore.NetworkStream):
    """A connection whose clock stands still but while it waits for bytes."""

    def __init__(self, inner: httpcore.NetworkStream, clock: list[float], seconds: float) -> None:
        self._inner, self._clock, self._seconds = inner, clock, seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            data = self._inner.read(max_bytes, timeout)
        except httpcore.ReadTimeout:
            self._clock[0] += timeout or 0.0
            raise
        self._clock[0] += self._seconds
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._inner.write(buffer, timeout)
        except httpcore.WriteTimeout:
            self._clock[0] += timeout or 0.0
            raise

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def let_only_waiting_take_time(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    """Stop the clock of the synchronous client but while it waits for the server.

    What it does itself, connecting among it, takes no time, however slow the machine is. So a short deadline always
    passes in the wait that a test is about.

    Args:
        monkeypatch: the test's own.
        seconds: how long each read takes that brings bytes. One that brings none takes its timeout.
    """
    clock = [1000.0]
    connect_tcp = httpcore.SyncBackend.connect_tcp

    def connect(self: httpcore.SyncBackend, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return WaitingStream(connect_tcp(self, *arguments, **options), clock, seconds)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
