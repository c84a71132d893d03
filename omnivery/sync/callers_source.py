"""What a caller of synchronous bulk work gave to be read, as a source that the loop reads in the caller's thread."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import length_hint
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar, cast

from attrs import define, field

from omnivery.bulk.source import BatchSource, ItemStream, Resumable, ResumePoint, Slices, read_through
from omnivery.errors import ConfigError
from omnivery.sync.base import plain

if TYPE_CHECKING:
    from omnivery.bulk.files import FileStart
    from omnivery.bulk.position import PositionDelta

P = TypeVar("P")

CallInThread: TypeAlias = Callable[[Callable[[], object]], Awaitable[None]]
"""Calls a function in the caller's thread, and waits for it."""


def source_in_thread(
    items: Iterable[P] | AsyncIterable[P] | Resumable[P], call: CallInThread, *, argument: str, unattended: bool = False
) -> Iterable[P] | AsyncIterable[P]:
    """Return the caller's iterable as a source that is read in the caller's thread; see `LoopBridge.source`.

    Raises:
        ConfigError: the iterable is asynchronous.
    """
    if isinstance(items, Resumable):
        return cast("AsyncIterable[P]", _CallersResumable(call, items, unattended))
    items = plain(items, argument=argument)
    # `SourceReader.of` refuses what is no source. A subclass of list may have an `__iter__` of the caller's.
    if _no_source(items) or (unattended and type(items) in {list, tuple}):
        return items
    # Not an asynchronous iterable, whatever the cast says: runs never iterate it, but read it by batches.
    ready = iter(items)
    is_list = isinstance(items, list | tuple)
    source = _CallersItems(call, lambda: ready, length=length_hint(items, -1), is_list=is_list)
    return cast("AsyncIterable[P]", source)


@define(eq=False)
class _CallersItems(BatchSource[P]):
    """The items of the caller's iterable, by batches."""

    replays: ClassVar[bool] = True
    _call: CallInThread
    _open: Callable[[], Iterable[P]]
    _iterator: Iterator[P] | None = None
    _length: int = field(default=-1, alias="length")
    _is_list: bool = field(default=False, alias="is_list")
    _keep: Callable[[P], P] | None = field(init=False, default=None)

    def __length_hint__(self) -> int:
        return NotImplemented if self._length < 0 else self._length

    def keep_with(self, keep: Callable[[P], P]) -> None:
        # A list holds its items, while a generator may yield one object again and again.
        self._keep = None if self._is_list else keep

    async def read_into(self, items: list[P], count: int) -> None:
        await self._call(lambda: read_through(lambda: self._take(items, count)))

    def _take(self, items: list[P], count: int) -> None:
        if self._iterator is None:
            self._iterator = iter(self._open())
        # One by one, they would take ten times as long.
        chosen = self._iterator.take(count) if isinstance(self._iterator, Slices) else islice(self._iterator, count)
        items.extend(chosen if self._keep is None else map(self._keep, chosen))


@define(eq=False)
class _CallersResumable(Resumable[P]):
    """The caller's source, which a journal can resume."""

    _call: CallInThread
    _resumable: Resumable[P]
    _unattended: bool

    @property
    def replays(self) -> bool:
        return self._resumable.replays

    @property
    def files(self) -> Sequence[FileStart]:
        return self._resumable.files

    def prepare(self) -> None:
        self._resumable.prepare()

    def locate(self, known: Sequence[ResumePoint]) -> ResumePoint:
        return self._resumable.locate(known)

    def open(self, point: ResumePoint) -> ItemStream[P]:
        if isinstance(self._resumable, Iterable):
            # A file: it checks at once whether the position still exists.
            return self._ready(self._resumable.open(point))
        # The caller's own function may open something that is bound to the caller's thread.
        return _CallersItems(self._call, lambda: _iterable(self._resumable.open(point)))

    def stream(self) -> ItemStream[P]:
        if isinstance(self._resumable, Iterable):
            return self._ready(self._resumable.stream())
        return super().stream()

    def position(self, last: P) -> Mapping[str, Any]:
        return self._resumable.position(last)

    def position_delta(self, last: P) -> PositionDelta:
        return self._resumable.position_delta(last)

    def allow_encoded(self) -> None:
        self._resumable.allow_encoded()

    def _ready(self, items: ItemStream[P]) -> ItemStream[P]:
        # A `BatchSource` reads in a thread of its own, and needs not the caller's. Slices run no code of the caller's.
        is_apart = isinstance(items, BatchSource) or (self._unattended and isinstance(items, Slices))
        return items if is_apart else _CallersItems(self._call, lambda: _iterable(items))


def _iterable(items: ItemStream[P]) -> Iterable[P]:
    if not isinstance(items, Iterable):
        raise ConfigError("a source that opens an asynchronous iterable needs the asynchronous client")
    return items


def _no_source(items: object) -> bool:
    return isinstance(items, str | bytes | bytearray | Mapping) or not isinstance(items, Iterable)
