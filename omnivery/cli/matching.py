"""Matching events and verdicts, which arrive in any order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from attrs import define, field

from omnivery.events.validation import event_id_of

if TYPE_CHECKING:
    from omnivery.events.event import EventLike
    from omnivery.events.verdict import Verdict
    from omnivery.webhooks import BotVerdicts
    from omnivery.webhooks.store import VerdictStore


@define(kw_only=True, eq=False)
class VerdictWaiter:
    """Waits for verdicts that a receiver puts into a store. Create it on the event loop that waits.

    Wait for one batch after the other: only one batch's ids are held, however many events there are.
    """

    store: VerdictStore
    on_progress: Callable[[int], object] = field(default=lambda _: None)
    """Called with the number of verdicts received so far."""
    _loop: asyncio.AbstractEventLoop = field(init=False, factory=asyncio.get_running_loop, repr=False)
    _received: int = field(init=False, default=0)
    _awaited: set[str] = field(init=False, factory=set[str], repr=False)
    _all_received: anyio.Event = field(init=False, factory=anyio.Event)

    async def received(self, verdicts: BotVerdicts) -> None:
        """The receiver's handler: the verdicts are in the store. The receiver may run on another event loop."""
        self._loop.call_soon_threadsafe(self._note, [verdict.event_id for verdict in verdicts])

    async def count_missing(self, event_ids: Collection[str], *, until: float) -> int:
        """Wait until all these events have a verdict, or until a time; return how many have none.

        Args:
            event_ids: an id that occurs twice is two events.
            until: on the event loop's clock, `anyio.current_time()`.
        """
        self._awaited, self._all_received = set(event_ids), anyio.Event()
        # The query finds what is stored before it; what is stored later is reported by the receiver.
        self._discard(await to_thread.run_sync(self.store.has, event_ids))
        if self._awaited:
            with anyio.CancelScope(deadline=until):
                await self._all_received.wait()
        return sum(event_id in self._awaited for event_id in event_ids)

    def _note(self, event_ids: Sequence[str | None]) -> None:
        self._discard(event_ids)
        self._received += len(event_ids)
        self.on_progress(self._received)

    def _discard(self, event_ids: Iterable[str | None]) -> None:
        self._awaited.difference_update(event_ids)
        if not self._awaited:
            self._all_received.set()


@define(kw_only=True)
class VerdictMatcher:
    """Pairs accepted events with verdicts by `event_id`. Holds only those that are not paired yet."""

    verdicts: int = 0
    """Accepted events that have their verdict."""
    bots: int = 0
    humans: int = 0
    unknown: int = 0
    agents: Counter[str] = field(factory=Counter[str], repr=False)
    """User agents of the bots."""
    _waiting: Counter[str] = field(init=False, factory=Counter[str], repr=False)
    _early: dict[str, list[Verdict]] = field(init=False, factory=dict[str, "list[Verdict]"], repr=False)

    @property
    def missing(self) -> int:
        """Accepted events without a verdict."""
        return self._waiting.total()

    @property
    def unmatched(self) -> int:
        """Verdicts without an accepted event: repeated by the service, or for events that were not accepted."""
        return sum(len(verdicts) for verdicts in self._early.values())

    def add_accepted(self, events: Iterable[EventLike]) -> None:
        """Add events that the service accepted."""
        for event in events:
            event_id = event_id_of(event) or ""
            if early := self._early.get(event_id):
                self._count(early.pop())
                if not early:
                    del self._early[event_id]
            else:
                self._waiting[event_id] += 1

    def add_verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """Add verdicts that the webhook received."""
        for verdict in verdicts:
            event_id = verdict.event_id or ""
            if self._waiting[event_id] > 0:
                self._count(verdict)
                self._waiting[event_id] -= 1
            else:
                self._early.setdefault(event_id, []).append(verdict)
            if not self._waiting[event_id]:
                del self._waiting[event_id]

    def _count(self, verdict: Verdict) -> None:
        self.verdicts += 1
        if verdict.is_bot is None:
            self.unknown += 1
        elif verdict.is_bot:
            self.bots += 1
            self.agents[verdict.request.uas or "-"] += 1
        else:
            self.humans += 1
