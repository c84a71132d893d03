"""Matching events and verdicts, which arrive in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import define, field

from omnivery.events.validation import event_id_of

if TYPE_CHECKING:
    from omnivery.events.event import EventLike
    from omnivery.events.verdict import Verdict


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
