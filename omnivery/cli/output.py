"""What commands print: for people on a terminal, one JSON object elsewhere."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from omnivery import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console

    from omnivery.automations.report import SubmitReport
    from omnivery.bulk.report import Rejection


def wants_json() -> bool:
    """Whether standard output is read by a program."""
    return sys.stdout is None or not sys.stdout.isatty()


def console() -> Console:
    """Where text for people goes."""
    from rich.console import Console

    # A terminal whose encoding has no such character gets another one, rather than the user an error.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False)


def printable(text: str) -> str:
    """Foreign text without control characters: a log's user agents are chosen by the clients of the server."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    if sys.stdout is not None:
        sys.stdout.write(codec.dumps(value).decode() + "\n")
        sys.stdout.flush()


def progress(text: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal. Call what it gives with the count so far.

    Args:
        text: what is being done, which may hold a file's name.
        total: where it ends, if that is known.
    """
    from omnivery.display.progress import bar

    return bar(printable(text), total)


def report_json(report: SubmitReport, *, interrupted: bool) -> dict[str, Any]:
    """A report as JSON."""
    rate = report.accepted / report.elapsed if report.elapsed else 0.0
    return {
        "read": report.read,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "undelivered": report.undelivered,
        "batches": report.batches,
        "requests": report.requests,
        "retries": report.retries,
        "elapsed": round(report.elapsed, 3),
        "events_per_second": round(rate, 1),
        "rejections": [_rejection(item) for item in report.rejections],
        "failures": [
            {"batch": failure.batch, "events": failure.events, "error": str(failure.error)}
            for failure in report.failures
        ],
        "stopped_by": "interrupted" if interrupted else _words(report.stopped_by),
    }


def where_events_went(report: SubmitReport) -> Iterator[str]:
    """A line for each thing that kept events from being accepted; nothing where all were."""
    shown = 10
    for item in report.rejections[:shown]:
        place = f"index {item.index}" if item.line is None else f"line {item.line:,}"
        yield f"rejected: {place}: {item.reason}"
    if report.rejected > shown:
        yield f"rejected: {report.rejected - shown:,} more"
    lost: dict[str, list[int]] = {}
    for failure in report.failures:
        lost.setdefault(str(failure.error), []).append(failure.events)
    for words, counts in lost.items():
        yield f"not delivered: {sum(counts):,} events of {len(counts):,} batches: {words}"
    if report.undelivered > (listed := sum(failure.events for failure in report.failures)):
        yield f"not delivered: {report.undelivered - listed:,} more events"
    if report.stopped_by is not None:
        yield f"the run was stopped: {_words(report.stopped_by)}"


def _rejection(item: Rejection) -> dict[str, Any]:
    place = {"index": item.index} if item.line is None else {"index": item.index, "line": item.line}
    named = {} if item.event_id is None else {"event_id": item.event_id}
    return {**place, "reason": item.reason, **named}


def _words(error: BaseException | None) -> str | None:
    return None if error is None else str(error) or type(error).__name__
