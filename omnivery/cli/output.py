"""What commands print: for people on a terminal, one JSON object elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omnivery import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from omnivery.automations.bulk.outcome import Rejection, SubmitReport


def wants_json() -> bool:
    """Whether standard output is read by a program."""
    return not sys.stdout.isatty()


def console() -> Console:
    """Where text for people goes."""
    from rich.console import Console

    return Console(highlight=False)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(codec.dumps(value).decode() + "\n")
    sys.stdout.flush()


@contextmanager
def progress(text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal. Call what it gives with the count so far.

    Args:
        text: what is being done.
        total: where it ends, if that is known.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda count: bar.update(task, completed=count)


def account(report: SubmitReport) -> dict[str, Any]:
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
        "stopped_by": _words(report.stopped_by),
    }


def where_events_went(report: SubmitReport) -> Iterator[str]:
    """A line for each thing that kept events from being accepted; nothing where all were."""
    shown = 10
    for item in report.rejections[:shown]:
        place = f"index {item.index}" if item.line is None else f"line {item.line:,}"
        yield f"rejected: {place}: {item.reason}"
    if report.rejected > shown:
        yield f"rejected: {report.rejected - shown:,} more"
    for failure in report.failures[:shown]:
        yield f"not delivered: {failure.events:,} events of batch {failure.batch}: {failure.error}"
    if len(report.failures) > shown:
        yield f"not delivered: {report.undelivered:,} events in all"
    if report.stopped_by is not None:
        yield f"the run was stopped: {_words(report.stopped_by)}"


def _rejection(item: Rejection) -> dict[str, Any]:
    place = {"index": item.index} if item.line is None else {"index": item.index, "line": item.line}
    named = {} if item.event_id is None else {"event_id": item.event_id}
    return {**place, "reason": item.reason, **named}


def _words(error: BaseException | None) -> str | None:
    return None if error is None else str(error) or type(error).__name__
