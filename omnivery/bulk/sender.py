"""Sending a batch: its requests one after the other, and what each failure means for the batch and for the run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from attrs import define, field

from omnivery.bulk.outage import Decision, OutagePolicy, ServiceState, may_have_happened, was_sent
from omnivery.bulk.part import PartState
from omnivery.errors import AmbiguousError, JournalError, OmniveryError
from omnivery.transport.pipeline import NOT_SENT

if TYPE_CHECKING:
    from omnivery.bulk.batch import Batch
    from omnivery.bulk.recorder import Recorder
    from omnivery.bulk.report import RunTotals
    from omnivery.bulk.run_end import RunEnd
    from omnivery.bulk.work import Work
    from omnivery.transport.limits import RateLimiter
    from omnivery.transport.runtime import Runtime

T = TypeVar("T")
OutcomeT = TypeVar("OutcomeT")

MAX_UNDELIVERED = 50_000
"""Undelivered items after which a run stops: it keeps them all for the caller, and its memory must stay flat."""
HOLD = 0.5
"""Longest pause in seconds before a held batch asks to be sent again."""


@define(kw_only=True, eq=False)
class BatchSender(Generic[T, OutcomeT]):
    """Sends the batches of a run. All its workers share one."""

    work: Work[T, OutcomeT, Any]
    policy: OutagePolicy
    pace: RateLimiter | None
    recorder: Recorder[T]
    runtime: Runtime
    ready: Callable[[], Awaitable[None]] | None
    totals: RunTotals[T]
    end: RunEnd
    on_first_post: Callable[[], None]
    """Called before the first request."""
    _has_posted: bool = field(init=False, default=False)

    async def send(self, batch: Batch[T]) -> OutcomeT:
        """Send a batch until each of its items is settled, and return the outcome."""
        before, failures = self.policy.service_state(), 0
        try:
            if self.pace is not None:
                # While this waits for its turn, the caller may change what is in a list.
                batch.encode_next()
            while self.end.reason is None and batch.next_items:
                if self.pace is not None and (items := batch.next_new_items):
                    await self.pace.wait(items)
                if (body := batch.next_request()) is None:
                    continue
                held = await self._post(batch, body, before=before, round=failures + 1)
                await self._responded(batch)
                if held:
                    # Only those rounds count in which the service worked.
                    failures += not self.policy.was_down_since(before)
                    accepted = self.policy.accepted
                    await self._hold()
                    before = self.policy.service_state(accepted=accepted)
                else:
                    failures = 0
            if self.work.size == 1:
                # Items that are rejected unsent await nothing: other tasks must have their turn all the same.
                await anyio.lowlevel.checkpoint()
        finally:
            # No await stands here: a cancelled run settles its batches all the same.
            outcome = self.settle(batch)
        return outcome

    def settle(self, batch: Batch[T]) -> OutcomeT:
        """Count and record how a batch ended, and return its outcome."""
        settled = batch.close()
        try:
            journalled = self.recorder.settle(batch)
        except JournalError as error:
            journalled = False
            self.end.stop(error)
        self.totals.add(settled, counted=batch.counted, journalled=journalled)
        if len(self.totals.kept) > MAX_UNDELIVERED and settled.undelivered:
            self.end.stop(settled.errors[-1])
        return self.work.outcome(settled, batch.responses, batch.refusals)

    async def _post(self, batch: Batch[T], body: Any, *, before: ServiceState, round: int) -> bool:  # noqa: A002
        """Send one request, and tell the batch how it ended. Return whether the batch is held."""
        if not self._has_posted:
            self._has_posted = True
            self.on_first_post()
        is_posted = False
        try:
            if self.ready is not None:
                await self.ready()
            await self.recorder.sending(batch)
            is_posted = True
            response = await self.work.post(body)
        except JournalError as error:
            # Nothing was sent: a request goes out only after it was written down.
            batch.held(error)
            self.end.stop(error)
        except OmniveryError as error:
            return self._judge(batch, body, error, before=before, round=round)
        except Exception as error:  # noqa: BLE001  # whatever it is, the report must not be lost with it
            fault = AmbiguousError(f"sending raised {type(error).__name__}", attempts=0)
            batch.failed(fault, state=self._state_after(fault, stopped=True))
            self.end.fail("sending", error)
        except BaseException as interruption:
            if not is_posted or NOT_SENT in getattr(interruption, "__notes__", ()):
                batch.unsent()
            raise
        else:
            self.policy.accepted += 1
            batch.accepted(response)
        return False

    def _judge(
        self,
        batch: Batch[T],
        body: Any,
        error: OmniveryError,
        *,
        before: ServiceState,
        round: int,  # noqa: A002
    ) -> bool:
        """Decide about a request that failed. Return whether the batch is held."""
        if self.work.refuses(error, body):
            batch.refused(error)
            return False
        now = self.runtime.now()
        decision = self.policy.decide(error, before=before, round=round, now=now)
        if decision is Decision.HOLD:
            batch.held(error)
            if self.policy.accepted == before.accepted and was_sent(error):
                self.policy.breaker.trip(now, random=self.runtime.random())
            return True
        batch.failed(error, state=self._state_after(error, stopped=decision is Decision.STOP))
        if decision is Decision.STOP:
            self.end.stop(error)
        return False

    def _state_after(self, error: OmniveryError, *, stopped: bool) -> PartState:
        if not self.work.idempotent and may_have_happened(error):
            return PartState.UNKNOWN
        return PartState.PENDING if stopped else PartState.UNDELIVERED

    async def _hold(self) -> None:
        """Wait a moment before a held batch is sent again; the circuit breaker does the long waiting."""
        await self.runtime.sleep(HOLD * self.runtime.random())

    async def _responded(self, batch: Batch[T]) -> None:
        try:
            await self.recorder.responded(batch)
        except JournalError as error:
            self.end.stop(error)
