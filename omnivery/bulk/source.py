"""Sources of bulk runs that can do more than an iterable: hand out many items at once, or resume."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from attrs import field, frozen

from omnivery.bulk.files import FileStart
from omnivery.bulk.position import PositionDelta

T = TypeVar("T")


def read_through(take: Callable[[], T]) -> T:
    """Run code of the caller's that reads the source and awaits nothing.

    Raises:
        RuntimeError: it raised `CancelledError`, as code does that asks a cancelled task for its result. Task groups
            would take it for their own cancellation, and the run would end as if nothing had happened.
    """
    try:
        return take()
    except asyncio.CancelledError as error:
        raise cancelled_source() from error


def cancelled_source() -> RuntimeError:
    """Return the error of a source that raised `CancelledError` itself."""
    return RuntimeError("the source raised CancelledError, and nobody has cancelled the run")


class BatchSource(ABC, Generic[T]):
    """Reads many items at a time, from another thread or a buffer, where single items would take too long."""

    replays: ClassVar[bool] = False
    """Whether it yields the same items again in another process, as a caller's iterable must; a buffer does not."""

    @abstractmethod
    async def read_into(self, items: list[T], count: int) -> None:
        """Append up to `count` items, as many as are due; none when there will never be any more.

        What has left the source is in the list, even if the task is cancelled. One task at a time may call this.
        """

    def keep_with(self, keep: Callable[[T], T]) -> None:
        """Copy each item with `keep` before handing it out, unless the caller cannot change it any more."""

    def leftover(self, count: int) -> list[T]:  # noqa: ARG002  # most have nothing
        """Stop reading, and return up to `count` items that were read ahead and not handed over; none at the end.

        The run counts them as read and undelivered: they are gone from a pipe.
        """
        return []

    async def close(self) -> None:
        """Release what was opened for reading. Called once, at the end of a run."""


class Slices(Iterator[T], Generic[T]):
    """Items of which many can be taken at once, and need not even be objects before somebody looks at them."""

    @abstractmethod
    def take(self, count: int) -> Sequence[T]:
        """Return up to `count` items; none when there will never be any more."""

    def __next__(self) -> T:
        for item in self.take(1):
            return item
        raise StopIteration


@frozen(kw_only=True)
class ResumePoint:
    """Identifies a source, and says how far it was read, in JSON values that the source chooses."""

    name: str
    identity: Mapping[str, Any] = field(factory=dict[str, Any])
    """Shows whether a source is still the one that was read."""
    position: Mapping[str, Any] = field(factory=dict[str, Any])
    """Where reading goes on; empty at the start."""


ItemStream: TypeAlias = Iterator[T] | AsyncIterator[T] | BatchSource[T]


class Resumable(ABC, Generic[T]):
    """A source that knows its position, so that another process can resume from there."""

    @property
    def replays(self) -> bool:
        """Whether it yields the same items again from a position, also those that were read just before a crash."""
        return True

    @property
    def files(self) -> Sequence[FileStart]:
        """The files of the items that were handed out last, by their places among these; none if they are from none."""
        return ()

    def prepare(self) -> None:
        """Look at what there is to read, before anything of it is sent. It is called in a worker thread."""

    @abstractmethod
    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        """Return this source's own resume point among those of a journal; a new one if it is not among them.

        It is called in a worker thread.

        Raises:
            ConfigError: the source has a resume point, but has changed since.
        """

    @abstractmethod
    def open(self, point: ResumePoint) -> ItemStream[T]:
        """Return the items behind a resume point.

        Raises:
            ConfigError: the source has no such position any more.
        """

    @abstractmethod
    def position(self, last: T) -> Mapping[str, Any]:
        """Return the position to resume from, given that `last` was the last item handed out."""

    def position_delta(self, last: T) -> PositionDelta:
        """Return what has changed in the position since the last call, or all of it, as a journal asks for it.

        It is called with each batch, in the order in which the items were handed out. The first time it is all of it.
        """
        return PositionDelta(rest=self.position(last))

    def allow_encoded(self) -> None:
        """Say that items may come encoded, in the form that bulk work of their kind sends."""

    def stream(self) -> ItemStream[T]:
        """Return all items, for a run that is kept in no journal and so never resumes.

        Raises:
            ConfigError: the source cannot be read.
        """
        return self.open(self.locate(()))
