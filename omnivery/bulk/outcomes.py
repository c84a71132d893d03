"""Outcomes of batches, on their way from the workers of a run to its consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from attrs import define, field

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

OutcomeT = TypeVar("OutcomeT")


@define(kw_only=True, eq=False)
class OutcomeStream(Generic[OutcomeT]):
    """Hands each outcome over to the consumer. Workers wait while it is behind, and an outcome is never lost."""

    ordered: bool
    """Whether outcomes come in the order of their batches."""
    max_early: int
    """Outcomes that may wait for that of an earlier batch."""
    remaining: list[OutcomeT] = field(init=False, factory=list)
    """Outcomes that the consumer had not taken when it stopped, in any order."""
    _turns: deque[int] = field(init=False, factory=deque[int])
    """The batches whose outcomes come next, where they are ordered."""
    _early: dict[int, OutcomeT] = field(init=False, factory=dict)
    """Outcomes that wait for those of earlier batches, by batch."""
    _turn: anyio.Condition = field(init=False, factory=anyio.Condition)
    _send: MemoryObjectSendStream[OutcomeT] = field(init=False)
    _receive: MemoryObjectReceiveStream[OutcomeT] = field(init=False)

    def open(self, room: int) -> None:
        """Begin, with room for this many outcomes that the consumer has not taken yet."""
        # Outcomes that are put in order wait in `_early`, of which `max_early` is the bound.
        self._send, self._receive = anyio.create_memory_object_stream[OutcomeT](0 if self.ordered else room)

    def take_turn(self, number: int) -> None:
        """Have the outcome of a batch come after those of all batches that took their turn before."""
        if self.ordered:
            self._turns.append(number)

    async def put(self, number: int, outcome: OutcomeT) -> None:
        """Hand over the outcome of a batch."""
        if self.ordered:
            await self._put_in_order(number, outcome)
            return
        try:
            # Mostly there is room, and a checkpoint for each batch would cost more than the hand-over.
            self._send.send_nowait(outcome)
        except anyio.WouldBlock:
            await self._put_with_room(outcome)

    def next(self) -> Coroutine[Any, Any, OutcomeT]:
        """Wait for the next outcome.

        Raises:
            anyio.EndOfStream: there will be none.
        """
        return self._receive.receive()

    def end(self) -> None:
        """Let the consumer know that there will be no more."""
        self._send.close()

    def close(self) -> None:
        """Keep what the consumer has not taken, once all workers have ended."""
        with suppress(anyio.WouldBlock, anyio.EndOfStream):
            while True:
                self.remaining.append(self._receive.receive_nowait())
        self.remaining += self._early.values()
        self._send.close()
        self._receive.close()

    async def _put_with_room(self, outcome: OutcomeT) -> None:
        try:
            await self._send.send(outcome)
        except BaseException:
            # Cancelled: the consumer will not come for it any more.
            self.remaining.append(outcome)
            raise

    async def _put_in_order(self, number: int, outcome: OutcomeT) -> None:
        self._early[number] = outcome
        async with self._turn:
            while self._turns and self._turns[0] in self._early:
                await self._put_with_room(self._early.pop(self._turns.popleft()))
            self._turn.notify_all()
            # One slow batch must not let the outcomes of all that come after it pile up.
            while len(self._early) >= self.max_early:
                await self._turn.wait()
