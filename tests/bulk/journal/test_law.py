"""The law of the journal: whatever the server responds and whenever the process dies, every event is in one place."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from omnivery.bulk.journal.reader import JournalReader
from omnivery.errors import AmbiguousError, NotSentError
from tests.support.bots import (
    event,
    finish,
    refusal,
    sent,
)
from tests.support.journal import (
    accepted_ids,
    as_killed,
    journalled,
    where_events_are,
)

RESPONSES = st.sampled_from(["yes", "yes", "yes", "slow", "lost", "not sent", "too large", "stop", "kill", "break off"])

REFUSALS = {"not sent": NotSentError("no"), "stop": refusal(401), "too large": refusal(413)}


class Killed(BaseException):
    """The end of a process: nobody may learn of it in time to tidy up."""


@define(kw_only=True, eq=False)
class Process:
    """One run, and what its server makes of each request."""

    machine: JournalMachine
    plan: Iterator[str]
    left: Path
    """What it leaves if it is killed."""
    killed: bool = False
    scope: anyio.CancelScope = field(init=False)

    async def respond(self, body: bytes) -> int:
        response = next(self.plan, "yes")
        names = {one["event_id"] for one in sent(body)}
        await anyio.sleep(0.002 if response == "slow" else 0)
        if self.killed:  # also while this request was on its way
            await anyio.sleep_forever()
        if response in REFUSALS:
            raise REFUSALS[response]
        if any("poison" in name for name in names):
            raise refusal(400)
        self.machine.taken.update(names)
        if response in {"lost", "break off"}:
            self.machine.doubtful |= names
        if response == "lost":
            raise AmbiguousError("gone")
        if response == "break off":
            self.scope.cancel()
            await anyio.sleep_forever()
        if response == "kill":
            self.kill()
        return 1

    def kill(self) -> None:
        self.killed = True
        as_killed(self.machine.path, self.left.name)
        # Nothing that the journal has as accepted may go out again.
        self.machine.doubtful |= self.machine.taken.keys() - set(accepted_ids(self.left))
        raise Killed


class JournalMachine(RuleBasedStateMachine):
    """Each step is one process: it submits the same growing source with the same journal, and ends somehow."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "0"
        self.processes = 0
        self.events: list[Any] = []
        self.taken: Counter[str] = Counter()
        """By the server, by event id."""
        self.doubtful: set[str] = set()
        """Events that may come twice: their response was lost, or was not written down when the process died."""

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(count=st.integers(1, 1300), poison=st.integers(0, 2), invalid=st.integers(0, 2))
    def the_source_grows(self, count: int, poison: int, invalid: int) -> None:
        start = len(self.events)
        for number in range(start, start + count):
            bad = number - start < invalid
            name = f"poison{number}" if start + count - number <= poison else f"e{number}"
            self.events.append(event(number, event_id=name, ip="nowhere" if bad else "203.0.113.7"))

    @rule(responses=st.lists(RESPONSES, max_size=12), concurrency=st.integers(1, 4))
    def a_process_runs(self, responses: list[str], concurrency: int) -> None:
        self.run(responses, concurrency, again=False)

    @rule(responses=st.lists(RESPONSES, max_size=4))
    def a_retry_runs(self, responses: list[str]) -> None:
        if self.path.exists():
            self.run(responses, 2, again=True)

    @rule()
    def all_goes_well_at_last(self) -> None:
        self.run([], 3, again=False)
        self.run([], 3, again=True)
        with JournalReader.open(self.path) as view:
            state = view.state()
        assert (state.pending, state.sending, state.undelivered, state.live_bytes) == (0, 0, 0, 0)
        assert state.read == len(self.events)
        sound = {one.event_id for one in self.events if one.ip != "nowhere" and "poison" not in one.event_id}
        assert set(self.taken) == sound
        # Nothing goes out twice but what the server may have had when the process could not know it.
        assert {name for name, times in self.taken.items() if times > 1} <= self.doubtful

    def run(self, responses: list[str], concurrency: int, *, again: bool) -> None:
        self.processes += 1
        process = Process(machine=self, plan=iter(responses), left=Path(self.folder.name) / str(self.processes))

        async def main() -> None:
            process.scope = anyio.CancelScope()
            source = () if again else self.events
            run = journalled(source, process.respond, self.path, concurrency=concurrency, again=again)
            with process.scope:
                try:
                    report = await finish(run)
                except Killed:
                    return
                with JournalReader.open(self.path) as view:
                    state = view.state()
                left = state.pending + state.sending + state.undelivered
                assert (report.accepted, report.rejected) == (state.accepted, state.rejected)
                assert (report.read, report.undelivered) == (state.read, left)

        anyio.run(main)
        if process.killed:
            self.path = process.left

    @invariant()
    def every_event_that_was_read_is_in_one_place(self) -> None:
        if not self.path.exists():
            return
        with JournalReader.open(self.path) as view:
            state = view.state()
        left = state.pending + state.sending + state.undelivered
        assert state.read == state.accepted + state.rejected + left
        assert Counter(where_events_are(self.path)) == Counter(one.event_id for one in self.events[: state.read])
        assert set(accepted_ids(self.path)) <= set(self.taken)


TestJournalLaw = JournalMachine.TestCase
TestJournalLaw.settings = settings(
    max_examples=25, stateful_step_count=8, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
