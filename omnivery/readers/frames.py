"""Events from a data frame, where a source of events is expected."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import cast

from omnivery.bulk.source import Resumable
from omnivery.events.event import EventLike
from omnivery.readers._arrow import ArrowStream, arrow, is_lazy

__all__ = ["ArrowStream", "as_events"]


def as_events(
    events: Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike] | ArrowStream,
) -> Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike]:
    """A source of events as a run takes it: a frame becomes its events, all else stays what it is.

    Raises:
        ConfigError: as `arrow()`.
    """
    # A list of events may well be a table too; it has its events at hand.
    if isinstance(events, list):
        return events
    if hasattr(type(events), "__arrow_c_stream__") or is_lazy(events):
        return arrow(cast("ArrowStream", events))
    return cast("Iterable[EventLike] | AsyncIterable[EventLike] | Resumable[EventLike]", events)
