"""A source of the caller's own that can be resumed: rows of a table, messages of a log."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, TypeAlias

from attrs import define, field

from omnivery.bulk.source import ItemStream, Resumable, ResumePoint
from omnivery.errors import ConfigError
from omnivery.events.event import EventLike
from omnivery.events.snapshot import snapshot

Pairs: TypeAlias = Iterable[tuple[Any, EventLike]] | AsyncIterable[tuple[Any, EventLike]]
"""Events, each with the cursor that stands behind it."""


def with_cursor(name: str, open: Callable[[Any], Pairs]) -> Resumable[EventLike]:  # noqa: A002  # what it does
    """Make a source of your own resumable: a run with a journal goes on where your cursor stands.

        clicks = readers.with_cursor("clicks", lambda after: ((row.id, event(row)) for row in rows(after or 0)))
        await client.bots.submit(clicks, journal="clicks.journal")

    Args:
        name: what the source is called in the journal: another name is another source.
        open: is given the cursor of the last event that the journal has, None at the start, and returns what comes
            behind it: pairs of a cursor and an event, from a plain iterable or an asynchronous one. A cursor is
            anything with a JSON form: a number, text, a list.

    Raises:
        ConfigError: the name is empty.
    """
    if not name:
        raise ConfigError("name: a source with a cursor needs a name, by which the journal knows it")
    return _CursorSource(name=name, opened=open)


@define(kw_only=True, eq=False)
class _CursorSource(Resumable[EventLike]):
    name: str
    opened: Callable[[Any], Pairs]
    _cursor: Any = field(init=False, default=None)

    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        return next((one for one in known if one.name == self.name), ResumePoint(name=self.name))

    def open(self, point: ResumePoint) -> ItemStream[EventLike]:
        self._cursor = point.position.get("cursor")
        pairs = self.opened(self._cursor)
        return self._each_later(pairs) if isinstance(pairs, AsyncIterable) else self._each(pairs)

    def position(self, last: EventLike) -> Mapping[str, Any]:  # noqa: ARG002  # the cursor came with it
        return {"cursor": self._cursor}

    def _each(self, pairs: Iterable[tuple[Any, EventLike]]) -> Iterator[EventLike]:
        for self._cursor, event in pairs:
            yield snapshot(event)

    async def _each_later(self, pairs: AsyncIterable[tuple[Any, EventLike]]) -> AsyncIterator[EventLike]:
        try:
            async for self._cursor, event in pairs:
                yield snapshot(event)
        finally:
            # It was opened here, so it is closed here, where the event loop still runs.
            if isinstance(pairs, AsyncGenerator):
                await pairs.aclose()
