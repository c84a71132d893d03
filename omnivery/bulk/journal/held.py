"""A journal that stays open between runs."""

from __future__ import annotations

import os
from typing import Self

from attrs import define, field

from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.journal.thread import OwnThread, close_stores


@define(eq=False)
class HeldJournal(os.PathLike[str]):
    """The path of a journal that stays open from one run to the next, for many short runs that follow one another.

    To open a journal takes 10 ms, and longer with each source in it. Nobody else may write to it before the end of the
    block.
    """

    path: str
    _store: JournalStore | None = field(init=False, default=None, repr=False)
    """None while a run has it."""

    def __fspath__(self) -> str:
        return self.path

    def take(self) -> JournalStore | None:
        """Return the open store, which is the caller's from now on; None if there is none."""
        store, self._store = self._store, None
        return store

    def keep(self, store: JournalStore) -> None:
        """Take back a store that is in good order, and open."""
        self._store = store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if (store := self.take()) is not None:
            await close_stores([store], OwnThread())
