"""Coroutines without an event loop: done in one step, or an error that says which await was in the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from omnivery.errors import OmniveryError
from omnivery.sync.base import Pages
from omnivery.transport.paging import AsyncPages, Page
from omnivery.transport.runtime import drive, run_in_thread


async def outer(inner: Coroutine[Any, Any, int]) -> int:
    return await inner


async def ready() -> int:
    return 7


async def suspends() -> int:
    await asyncio.sleep(0)  # the culprit
    return 7


def line_of_the_culprit() -> int:
    return suspends.__code__.co_firstlineno + 1


def test_a_coroutine_that_never_suspends_is_done_in_one_step() -> None:
    assert drive(outer(ready())) == 7


def test_errors_come_out_as_they_are() -> None:
    async def fails() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drive(outer(fails()))


def test_a_coroutine_that_suspends_is_named_with_its_file_and_line() -> None:
    """Without the place, nobody could find the await among all that a call goes through."""
    with pytest.raises(RuntimeError, match="runs without an event loop") as caught:
        drive(outer(suspends()))
    assert f"suspends ({__file__}:{line_of_the_culprit()})" in str(caught.value)


def test_a_coroutine_that_suspended_is_closed() -> None:
    """Its `finally` blocks are run, and Python has no unfinished coroutine to warn of."""
    seen = []

    async def cleans_up() -> int:
        try:
            return await suspends()
        finally:
            seen.append("closed")

    with pytest.raises(RuntimeError, match="runs without an event loop"):
        drive(cleans_up())
    assert seen == ["closed"]


def test_a_page_that_suspends_is_named_as_well() -> None:
    async def fetch(_: object) -> Page[int]:
        await suspends()
        raise AssertionError

    with pytest.raises(RuntimeError, match="runs without an event loop") as caught:
        next(iter(Pages(AsyncPages(fetch))))
    assert f"suspends ({__file__}:{line_of_the_culprit()})" in str(caught.value)


def test_an_asynchronous_iterator_is_stepped_to_its_end() -> None:
    class Numbers:
        def __aiter__(self) -> AsyncIterator[int]:
            return self.give()

        async def give(self) -> AsyncIterator[int]:
            yield 1
            yield 2

    async def collect() -> list[int]:
        return [number async for number in Numbers()]

    assert drive(collect()) == [1, 2]


def no_more_threads(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_system_that_starts_no_more_threads_is_told_as_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_more_threads)
    with pytest.raises(OmniveryError, match=r"starts no more threads \(can't start new thread\)"):
        asyncio.run(run_in_thread(threading.get_ident))


def test_what_a_thread_raises_comes_out_as_it_is() -> None:
    def fails() -> None:
        raise RuntimeError("its own")

    with pytest.raises(RuntimeError, match="its own"):
        asyncio.run(run_in_thread(fails))
