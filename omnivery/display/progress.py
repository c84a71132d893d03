"""Progress of a long run, shown in a notebook, on a terminal, or in the log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from operator import length_hint
from typing import Any, TypeAlias
from warnings import catch_warnings, simplefilter

Advance: TypeAlias = Callable[[int], None]
"""Call it with the count so far."""
Share: TypeAlias = Callable[[], float | None]
"""Returns the share that is done, from 0 to 1; None if it is not known."""

EVERY = 10.0
"""Seconds between two lines in the log."""


def watching(text: str, items: object, *, progress: bool) -> AbstractContextManager[Advance]:
    """Return the `bar()` of an operation that has a `progress` option. It shows nothing if the option is False.

    Args:
        text: what is being done.
        items: the operation's source. Its length is the total, if it has one. If it has a property `progress` instead,
            such as bytes read and total bytes, the bar shows that share.
        progress: the option.
    """
    if not progress:
        return nullcontext(lambda _: None)
    total = length_hint(items, -1)
    share = share_of(items) if hasattr(type(items), "progress") else None
    return bar(text, total if total >= 0 else None, share=share)


def share_of(items: Any) -> Share:
    """Return a function that reads the share done from the property `progress` of a source."""

    def share() -> float | None:
        done, size = items.progress
        return min(1.0, done / size) if size else None

    return share


def bar(
    text: str,
    total: int | None = None,
    *,
    share: Share | None = None,
    every: float = EVERY,
    clock: Callable[[], float] = time.monotonic,
) -> AbstractContextManager[Advance]:
    """Show progress while the block runs.

    In a notebook it is a bar of tqdm, on a terminal a bar of rich on standard error, if these are installed. Anywhere
    else it is lines in the log `omnivery.progress`, at level INFO: at most one every few seconds, and a last one.

        with bar("Submitting", total) as advance:
            advance(500)  # the count so far

    Args:
        text: what is being done, without personal data: it may be logged.
        total: the count at the end, if it is known.
        share: returns the share that is done, if it is known and the total is not. With either, the bar shows per cent
            and the time left.
        every: seconds between two lines in the log.
        clock: the time in seconds, from any start.
    """
    if share is not None and share() is None:
        share = None
    if _in_notebook() and find_spec("tqdm") is not None:
        return _notebook_bar(text, total, share)
    if sys.stderr is not None and sys.stderr.isatty() and not _is_dumb() and find_spec("rich") is not None:
        return _terminal_bar(text, total, share)
    return _log_lines(text, total, share, every=every, clock=clock)


def _in_notebook() -> bool:
    # Looked up and not imported: a notebook has already imported IPython.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _is_dumb() -> bool:
    # Rich draws nothing on such a terminal, and leaves a blank line for each bar.
    return os.environ.get("TERM", "").lower() in {"dumb", "unknown"}


@contextmanager
def _notebook_bar(text: str, total: int | None, share: Share | None) -> Iterator[Advance]:
    with catch_warnings():
        # Without ipywidgets tqdm warns, and shows a text bar, which is good enough.
        simplefilter("ignore")
        from tqdm.auto import tqdm

    with tqdm(desc=text, total=total) as shown:

        def advance(count: int) -> None:
            if share is not None and (done := share()) is not None:
                # tqdm computes the time left from a total: estimate it from the share.
                shown.total = max(count, round(count / done)) if done else None
            shown.update(count - shown.n)

        yield advance


@contextmanager
def _terminal_bar(text: str, total: int | None, share: Share | None) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("{task.description}", markup=False), BarColumn()]
    if total is not None or share is not None:
        columns += [TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[count]}"), TimeElapsedColumn()]
        columns += [TimeRemainingColumn(), TextColumn("left")]
    else:
        columns += [TextColumn("{task.fields[count]}"), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(text, total=1.0 if share is not None else total, count=_of(0, total))

        def advance(count: int) -> None:
            shown.update(task, completed=share() if share is not None else count, count=_of(count, total))

        yield advance


def _of(count: int, total: int | None) -> str:
    return f"{count:,}" if total is None else f"{count:,}/{total:,}"


@contextmanager
def _log_lines(
    text: str, total: int | None, share: Share | None, *, every: float, clock: Callable[[], float]
) -> Iterator[Advance]:
    from omnivery._logging import get_logger

    logger = get_logger("omnivery.progress")
    end = "" if total is None else f" of {total:,}"
    count, logged, since = 0, -1, clock()

    def log() -> None:
        nonlocal logged, since
        logged, since = count, clock()
        done = share() if share is not None else None
        logger.info("%s: %s%s", text, f"{count:,}", end if done is None else f" ({done:.0%})")

    def advance(now_at: int) -> None:
        nonlocal count
        count = now_at
        if clock() - since >= every:
            log()

    try:
        yield advance
    finally:
        # Also after an exception: then the last count matters most.
        if count != logged:
            log()
